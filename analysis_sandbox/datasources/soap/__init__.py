"""SOAP services with a WSDL."""
