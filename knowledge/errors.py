"""The tree of errors, one root for the whole product.

TrogiupError
├── KnowledgeError          a document, a table or the store
│   ├── LoadError           a file cannot be read as a document
│   ├── UnknownDocument     no document of that id
│   ├── CaseTaken           another officer has the case
│   ├── CaseUnread          a message has come that the officer has not seen
│   └── StoreError          the database does not answer
├── IndexFault              the snapshot or the encoder
│   ├── SnapshotDamaged     a checksum, a file or a version does not fit
│   ├── SnapshotMissing     nothing has been built yet
│   └── EncoderMismatch     another encoder than the one that made the snapshot
├── RequestRefused          what a person sent cannot be taken
└── SettingsError           a setting is wrong or unknown

`advice` is one line, Vietnamese or English, that says what to do; it is the only part of an error that a person sees.
"""


class TrogiupError(Exception):
    """Root. `advice`: one line for the person; `context`: values for the log, never what somebody wrote."""

    def __init__(self, advice: str, **context: object) -> None:
        super().__init__(advice)
        self.advice = advice
        self.context = context


class KnowledgeError(TrogiupError):
    """A document, a table or the store."""


class LoadError(KnowledgeError):
    """A file cannot be read as a document."""


class UnknownDocument(KnowledgeError):
    """No document of that id."""


class CaseTaken(KnowledgeError):
    """Another officer has the case: `holder`, an account id, and `holder_name` as people know that officer."""

    def __init__(self, advice: str, *, holder: str, holder_name: str, **context: object) -> None:
        super().__init__(advice, holder=holder, **context)
        self.holder = holder
        self.holder_name = holder_name


class CaseUnread(KnowledgeError):
    """A message has come that the officer has not seen: read it first."""


class StoreError(KnowledgeError):
    """The database does not answer."""


class IndexFault(TrogiupError):
    """The snapshot or the encoder."""


class SnapshotDamaged(IndexFault):
    """A checksum, a file or a version does not fit."""


class SnapshotMissing(IndexFault):
    """Nothing has been built yet."""


class EncoderMismatch(IndexFault):
    """Another encoder than the one that made the snapshot."""


class RequestRefused(TrogiupError):
    """What a person sent cannot be taken; `field` names the part."""


class SettingsError(TrogiupError):
    """A setting is wrong or unknown."""
