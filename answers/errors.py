"""Why an answer was not read to its end.

AnswerError
├── OverLimit       it is over one of our limits; the text names it
│   └── TooLarge    ... of bytes or of values: a part of it might not be
├── TooSlow         it was not there within the whole time of a call
└── CannotUnpack    it is packed in a way that we do not read
"""


class AnswerError(Exception):
    """An answer was not read to its end; the text says why, as the end of a sentence."""


class OverLimit(AnswerError):
    """The answer is over a limit of bytes, values, depth or digits."""


class TooLarge(OverLimit):
    """The answer has too many bytes or values: whoever asked for a list may ask for a part of it."""


class TooSlow(AnswerError):
    """The answer was not there in time: what was asked for may have happened."""


class CannotUnpack(AnswerError):
    """The answer is not packed as it says, or as we asked for."""
