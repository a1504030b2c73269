"""The FastAPI application: HTTP only; every route is parse, one service call, shape."""
