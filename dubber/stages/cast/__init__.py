"""Cast: which stretches of the film each speaker's voice, and each line's manner, are learned from."""

from dubber.stages.cast.emotion import Manner, manners
from dubber.stages.cast.joined import joined
from dubber.stages.cast.timbre import REVISION, Choice, timbre
from dubber.stages.cast.told import told
from dubber.stages.cast.utterances import Utterance, utterances

__all__ = ["REVISION", "Choice", "Manner", "Utterance", "joined", "manners", "timbre", "told", "utterances"]
