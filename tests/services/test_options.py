"""The choices of a parameter: stated, or asked of the script and remembered for a while."""

from typing import Any

import pytest

from analysis_sandbox.errors import NotFoundError, ScriptError, ValidationFailedError
from analysis_sandbox.services import options as options_module
from analysis_sandbox.services.options import CACHE_SECONDS
from tests.services.conftest import Project, Shop

SCRIPT = """export default {
  title: "Cities",
  dependencies: { datasources: ["shop"] },
  parameters: {
    country: {
      type: "select",
      options: [{ value: "AT", label: "Austria" }, { value: "FR", label: "France" }],
    },
    grouped: {
      type: "select",
      options: [{ label: "Europe", options: [{ value: 1, label: "One" }] }],
    },
    any_city: {
      type: "select",
      options: (ctx) =>
        ctx.datasource.shop.query("SELECT city AS value, city AS label FROM cities ORDER BY city"),
    },
    city: {
      type: "select",
      options: (ctx, params) =>
        ctx.datasource.shop.query(
          "SELECT city AS value FROM cities WHERE country = ? ORDER BY city", [params.country]),
    },
    broken: { type: "select", options: () => { throw new Error("no choices today") } },
    text: { type: "string" },
  },
  run() { return {} },
};"""


class Form:
    """The form of the analysis `cities`."""

    def __init__(self, home: Project) -> None:
        self._home = home
        self._analysis = home.create(SCRIPT)

    def choices(self, parameter: str, *, refresh: bool = False, **values: Any) -> list[Any]:
        found = self._home.options.options(
            self._home.viewer, self._analysis, parameter, values, refresh=refresh
        )
        return found.options

    def values(self, parameter: str, *, refresh: bool = False, **values: Any) -> list[Any]:
        return [choice["value"] for choice in self.choices(parameter, refresh=refresh, **values)]


@pytest.fixture
def form(home: Project) -> Form:
    return Form(home)


def test_stated_options_have_value_and_label(form: Form) -> None:
    assert form.choices("country") == [
        {"value": "AT", "label": "Austria"},
        {"value": "FR", "label": "France"},
    ]


def test_stated_groups_stay_groups(form: Form) -> None:
    assert form.choices("grouped") == [
        {"label": "Europe", "options": [{"value": 1, "label": "One"}]}
    ]


def test_dynamic_options_are_asked_of_the_script(form: Form) -> None:
    assert form.choices("any_city") == [
        {"value": "Graz", "label": "Graz"},
        {"value": "Lyon", "label": "Lyon"},
    ]


def test_dependent_options_follow_the_values_of_the_form(form: Form) -> None:
    assert form.choices("city", country="AT") == [{"value": "Graz", "label": "Graz"}]
    assert form.values("city", country="FR") == ["Lyon"]
    assert form.values("city") == []


def test_options_are_remembered_for_each_value_they_depend_on(form: Form, shop: Shop) -> None:
    assert form.values("city", country="AT") == ["Graz"]
    shop.add("AT", "Linz")
    shop.add("FR", "Nice")

    assert form.values("city", country="AT") == ["Graz"]
    assert form.values("city", country="FR") == ["Lyon", "Nice"]


def test_values_they_do_not_depend_on_do_not_matter(form: Form, shop: Shop) -> None:
    form.values("city", country="AT", text="a")
    shop.add("AT", "Linz")

    assert form.values("city", country="AT", text="b") == ["Graz"]


def test_a_refresh_asks_again_and_is_remembered(form: Form, shop: Shop) -> None:
    form.values("city", country="AT")
    shop.add("AT", "Linz")

    assert form.values("city", country="AT", refresh=True) == ["Graz", "Linz"]
    assert form.values("city", country="AT") == ["Graz", "Linz"]


def test_options_are_forgotten_after_a_while(
    form: Form, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    # Only this module's view of the clock: waits elsewhere go on.
    monkeypatch.setattr(options_module, "time", type("Clock", (), {"monotonic": lambda: now}))
    form.values("any_city")
    shop.add("AT", "Linz")

    now += CACHE_SECONDS - 1
    assert form.values("any_city") == ["Graz", "Lyon"]
    now += 2
    assert form.values("any_city") == ["Graz", "Linz", "Lyon"]


def test_a_new_version_is_asked_anew(form: Form, home: Project, shop: Shop) -> None:
    form.values("any_city")
    shop.add("AT", "Linz")
    home.analyses.update(home.manager, "cities", SCRIPT)

    assert form.values("any_city") == ["Graz", "Linz", "Lyon"]


def test_an_options_function_that_throws_says_where(form: Form) -> None:
    with pytest.raises(ScriptError, match="no choices today") as failed:
        form.choices("broken")

    line = next(n for n, text in enumerate(SCRIPT.splitlines(), 1) if "no choices" in text)
    assert failed.value.line == line


def test_an_unknown_parameter_is_not_found_and_the_known_ones_are_named(form: Form) -> None:
    with pytest.raises(NotFoundError, match="town") as refused:
        form.choices("town")

    assert "city" in (refused.value.hint or "")


def test_a_parameter_without_options_says_so(form: Form) -> None:
    with pytest.raises(ValidationFailedError, match="'text' of type string has no options"):
        form.choices("text")


def test_another_project_gets_no_options(form: Form, home: Project) -> None:
    assert form.choices("country")
    with pytest.raises(NotFoundError):
        home.options.options(home.stranger, "cities", "country", {})
