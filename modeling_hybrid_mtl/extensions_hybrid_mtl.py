"""Imports the extension files of a model, which register kinds of tasks and losses.

Empty in this project: a model with extensions is saved with another version of this file.
"""
