"""The scenario language: a YAML file goes in, a checked Scenario that knows its lines comes out."""
