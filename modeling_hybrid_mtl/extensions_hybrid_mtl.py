"""Imports the files beside this one that register kinds of tasks and losses of a user's.

There are none in this project. A model that has some is saved with another version of this file.
"""
