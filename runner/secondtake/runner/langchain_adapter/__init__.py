"""Records and answers a user's own LangChain and LangGraph programs.

`patches` puts gates into LangChain's base classes: `models`, `tools` and `retrievers` are what
passes them inside a run, `graphs` makes nodes of LangGraph's tasks. Outside a run the gates do
nothing. Nothing here is imported before the user's program has imported LangChain itself.
"""
