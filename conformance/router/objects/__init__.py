"""The objects of Kubernetes and Istio, as far as they say where a request goes.

Frozen data without behaviour, field for field as the API names them (in snake case; `from` and `set` with a trailing
underscore where Python needs one). What is absent in the YAML is None or empty here: a default is the reader's affair.
"""
