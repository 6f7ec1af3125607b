"""The service's tables, one module a thing. Importing this package registers all of them."""
