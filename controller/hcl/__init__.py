"""What does a file in the engine's language say? In both of its syntaxes, as far as it can be told without evaluating:

tokens     the words of the language: names, signs and strings, with what stands in the `${…}` of each string
lexer      the words of a text in native syntax
structure  the blocks and attributes that they make
literals   the strings of an expression; its value, where it holds nothing but literals
documents  files in JSON syntax: their content, and their strings with the keys that lead to each

Whatever a file holds, the time is proportional to its length. What an expression yields is the engine's business.
"""

from controller.hcl.documents import Text, blocks, document, texts
from controller.hcl.literals import Quoted, in_template, literal, strings
from controller.hcl.structure import Block, Body, parse
from controller.hcl.tokens import Expression, HclError, Lines, Token

__all__ = [
    "Block",
    "Body",
    "Expression",
    "HclError",
    "Lines",
    "Quoted",
    "Text",
    "Token",
    "blocks",
    "document",
    "in_template",
    "literal",
    "parse",
    "strings",
    "texts",
]
