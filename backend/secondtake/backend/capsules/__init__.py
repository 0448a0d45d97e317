"""Capsules: one recorded run in one file that another machine can open.

A zip of JSON and Parquet, with the hash of every member in its manifest. To open one is to read
it: nothing that it names is imported or executed, and nothing of it is stored.
"""
