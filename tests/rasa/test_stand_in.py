from __future__ import annotations

import subprocess
import sys

import pytest

from bot.rasa.install_stand_in import SOURCE, install

USE = """
import sys; sys.path.insert(0, sys.argv[1])
import tensorflow as tf
import tensorflow.keras.backend as K
from keras.utils.control_flow_util import smart_cond
from tensorflow.types.experimental import TensorLike
class Layer(tf.keras.layers.Layer):
    def call(self, x: tf.Tensor = tf.float32) -> TensorLike: ...
{line}
"""


def use(line: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-S", "-c", USE.format(line=line), str(SOURCE)], capture_output=True, text=True)


def test_its_classes_can_be_subclassed_and_named():
    done = use("print(Layer.__name__, tf.data.Dataset.__name__)")
    assert done.stdout == "Layer Dataset\n", done.stderr


@pytest.mark.parametrize("line", ["Layer()", "tf.constant(1)", "K.mean([1])", "smart_cond(True)", "tf.keras.optimizers.Adam(0.1)"])
def test_using_it_gives_one_line_of_advice(line):
    done = use(line)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith("Run: make rasa-tensorflow")


def test_installing_it_twice_changes_nothing_and_the_real_one_is_left_alone(tmp_path):
    assert install(tmp_path) == "installed"
    assert install(tmp_path) == "fresh"
    (tmp_path / "tensorflow/__init__.py").write_text('"""NOT TensorFlow: an older stand-in."""')
    assert install(tmp_path) == "installed"
    (tmp_path / "tensorflow/__init__.py").write_text("# the real one")
    assert install(tmp_path) == "real"
    assert (tmp_path / "tensorflow/__init__.py").read_text() == "# the real one"
