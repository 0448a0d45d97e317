"""Workflows: a YAML file, checked, compiled to a LangGraph graph, executed as one run."""
