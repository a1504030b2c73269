"""The schemas that many WSDLs refer to by an address of their standard, which is never asked."""

from collections.abc import Mapping

_SIMPLE = (
    *("string", "boolean", "decimal", "float", "double", "duration", "dateTime", "time", "date"),
    *("base64Binary", "hexBinary", "anyURI", "QName", "integer", "long", "int", "short", "byte"),
    *("unsignedLong", "unsignedInt", "unsignedShort", "unsignedByte", "nonNegativeInteger"),
    *("positiveInteger", "nonPositiveInteger", "negativeInteger", "normalizedString", "token"),
)
_TYPES = "".join(
    f'<xs:complexType name="{name}"><xs:simpleContent><xs:extension base="xs:{name}">'
    '<xs:attributeGroup ref="tns:commonAttributes"/></xs:extension></xs:simpleContent>'
    f'</xs:complexType><xs:element name="{name}" type="tns:{name}"/>'
    for name in _SIMPLE
)
_ENCODING = f"""<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"
 xmlns:tns="http://schemas.xmlsoap.org/soap/encoding/"
 targetNamespace="http://schemas.xmlsoap.org/soap/encoding/">
<xs:attribute name="root" type="xs:boolean"/>
<xs:attributeGroup name="commonAttributes">
 <xs:attribute name="id" type="xs:ID"/><xs:attribute name="href" type="xs:anyURI"/>
</xs:attributeGroup>
<xs:attribute name="arrayType" type="xs:string"/>
<xs:attribute name="offset" type="xs:string"/>
<xs:attributeGroup name="arrayAttributes">
 <xs:attribute ref="tns:arrayType"/><xs:attribute ref="tns:offset"/>
</xs:attributeGroup>
<xs:attribute name="position" type="xs:string"/>
<xs:attributeGroup name="arrayMemberAttributes"><xs:attribute ref="tns:position"/>
</xs:attributeGroup>
<xs:group name="Array"><xs:sequence>
 <xs:any namespace="##any" minOccurs="0" maxOccurs="unbounded" processContents="lax"/>
</xs:sequence></xs:group>
<xs:complexType name="Array"><xs:group ref="tns:Array" minOccurs="0"/>
 <xs:attributeGroup ref="tns:arrayAttributes"/><xs:attributeGroup ref="tns:commonAttributes"/>
</xs:complexType>
<xs:element name="Array" type="tns:Array"/>
{_TYPES}
</xs:schema>"""
_NAMESPACE_XML = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"
 targetNamespace="http://www.w3.org/XML/1998/namespace">
<xs:attribute name="lang" type="xs:string"/>
<xs:attribute name="space" type="xs:string"/>
<xs:attribute name="base" type="xs:anyURI"/>
<xs:attribute name="id" type="xs:ID"/>
<xs:attributeGroup name="specialAttrs" xmlns:xml="http://www.w3.org/XML/1998/namespace">
 <xs:attribute ref="xml:base"/><xs:attribute ref="xml:lang"/>
 <xs:attribute ref="xml:space"/><xs:attribute ref="xml:id"/>
</xs:attributeGroup>
</xs:schema>"""

STANDARD_SCHEMAS: Mapping[str, bytes] = {
    "schemas.xmlsoap.org/soap/encoding": _ENCODING.encode(),
    "www.w3.org/2001/xml.xsd": _NAMESPACE_XML.encode(),
    "www.w3.org/2001/03/xml.xsd": _NAMESPACE_XML.encode(),
    "www.w3.org/2005/08/addressing/ws-addr.xsd": b"<xs:schema targetNamespace="
    b'"http://www.w3.org/2005/08/addressing" xmlns:xs="http://www.w3.org/2001/XMLSchema"/>',
}


def standard_schema(location: str) -> bytes | None:
    """Return the schema that an address of a standard means; None for every other address."""
    return STANDARD_SCHEMAS.get(location.partition("://")[2].rstrip("/"))
