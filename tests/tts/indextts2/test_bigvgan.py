"""What the vocoder promises: exact resampling, every length on its own, and sound whatever the dtype."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import conv1d, conv_transpose1d, pad

from bench.goldens.harness import KIT, Case, load_cases, standard_buffers
from bench.goldens.vocoder import RUNNERS
from tts.errors import BadWeights, SpeakingFailed
from tts.indextts2 import antialias
from tts.indextts2.antialias import LOWPASS, TILE, Activation, snake_by_taps, snake_by_tiles
from tts.indextts2.bigvgan import BigVgan
from tts.indextts2.config import VocoderConfig

TINY = {
    "resblock": "1",
    "upsample_rates": [4, 2],
    "upsample_kernel_sizes": [8, 4],
    "upsample_initial_channel": 16,
    "resblock_kernel_sizes": [3, 5],
    "resblock_dilation_sizes": [[1, 3], [1, 5]],
    "use_tanh_at_final": False,
    "use_bias_at_final": False,
    "activation": "snakebeta",
    "snake_logscale": True,
    "num_mels": 80,
}


def config(**changes: object) -> VocoderConfig:
    return VocoderConfig.parse({**TINY, **changes})


def state(made: VocoderConfig) -> dict[str, Tensor]:
    """Weights in the released form: pairs of a gain and a direction, exponents near zero."""
    draw = torch.Generator().manual_seed(7)
    out: dict[str, Tensor] = {}
    for name, value in BigVgan(made).state_dict().items():
        filled = torch.randn(value.shape, generator=draw)
        if name.endswith(".weight"):
            out[f"{name}_v"] = filled
            out[f"{name}_g"] = torch.full((value.shape[0], 1, 1), 0.6)
        else:
            out[name] = filled * 0.2
    return out


def make(**changes: object) -> BigVgan:
    return BigVgan.load(config(**changes), state(config(**changes)))


def mel(length: int, seed: int = 1) -> Tensor:
    return torch.randn(80, length, generator=torch.Generator().manual_seed(seed)) * 2 - 5


def textbook(x: Tensor, alpha: Tensor, beta: Tensor) -> Tensor:
    """The activation as the specification words it (section 11), channels first, [B, C, T]."""
    channels = x.shape[1]
    taps = torch.tensor(LOWPASS, dtype=x.dtype).expand(channels, 1, -1)
    y = conv_transpose1d(pad(x, (5, 5), mode="replicate"), taps, stride=2, groups=channels)
    y = 2 * y[..., 15:-15]
    y = y + torch.sin(y * alpha.exp()[:, None]) ** 2 / (beta.exp()[:, None] + 1e-9)
    return conv1d(pad(y, (5, 6), mode="replicate"), taps, stride=2, groups=channels)


def activation(channels: int) -> Activation:
    made = Activation(channels).requires_grad_(False)
    torch.nn.init.normal_(made.act.alpha, std=0.5, generator=torch.Generator().manual_seed(2))
    torch.nn.init.normal_(made.act.beta, std=0.5, generator=torch.Generator().manual_seed(3))
    made.act.prepare()
    return made


def test_the_low_pass_is_the_one_that_the_released_checkpoint_carries() -> None:
    carried = standard_buffers({"filter": [1, 1, 12]})["filter"].flatten()
    torch.testing.assert_close(torch.tensor(LOWPASS), carried, rtol=0, atol=1e-7)


@pytest.mark.parametrize("kernel", [snake_by_tiles, snake_by_taps])
@pytest.mark.parametrize("length", [1, 2, 5, TILE - 1, TILE, TILE + 1, 3 * TILE, 61])
def test_the_activation_is_the_textbook_s_at_every_length(kernel, length) -> None:
    made, x = activation(3), torch.randn(2, 3, length, dtype=torch.float64)
    made.kernel = kernel
    got = made(x.float().transpose(1, 2)).transpose(1, 2)
    want = textbook(x.float().double(), made.act.alpha.double(), made.act.beta.double())
    torch.testing.assert_close(got.double(), want, rtol=0, atol=2e-6)


@pytest.mark.parametrize("length", [2 * TILE - 3, 2 * TILE - 2, 2 * TILE, 2 * TILE + 3, 5 * TILE + 1])
def test_the_activation_does_not_depend_on_how_time_is_cut(monkeypatch, length) -> None:
    made, x = activation(3), torch.randn(2, length, 3)
    whole = made(x)
    for tiles in (1, 2, 3):
        monkeypatch.setattr(antialias, "CACHED", tiles * 2 * TILE * 3)
        torch.testing.assert_close(made(x), whole, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    "case", load_cases(KIT, size="tiny", component="bigvgan.wave"), ids=lambda case: case.id
)
def test_the_golden_wave_comes_out(case: Case) -> None:
    case.check(RUNNERS[case.component](case))


def test_a_mel_becomes_a_wave_of_exactly_its_length_within_one() -> None:
    made = make()
    for length in (1, 2, 7):
        wave = made(mel(length)[None] * 50)  # loud enough to clip
        assert wave.shape == (1, length * 8)
        assert wave.abs().max() == 1


def test_waves_come_in_order_and_each_as_if_alone(monkeypatch) -> None:
    monkeypatch.setattr("tts.indextts2.bigvgan.BATCH_FRAMES", 20)  # two of nine, or four of five, at once
    made, mels = make(), [mel(length, seed) for seed, length in enumerate((9, 5, 9, 30, 9, 5, 1))]
    waves = made.waves(mels)
    assert [len(wave) for wave in waves] == [8 * one.shape[1] for one in mels]
    for one, wave in zip(mels, waves, strict=True):
        torch.testing.assert_close(wave, made(one[None])[0], rtol=0, atol=1e-5)
    assert made.waves([]) == []


def test_fused_activations_give_the_same_wave(monkeypatch) -> None:
    made, plain = make(), make()
    monkeypatch.setattr(
        torch, "compile", lambda function, *, dynamic: function
    )  # the compiler is not ours to test
    assert made.fuse()
    assert made.activation_post.kernel is snake_by_taps
    torch.testing.assert_close(made(mel(9)[None]), plain(mel(9)[None]), rtol=0, atol=1e-5)


def test_where_nothing_compiles_the_kernel_stays(monkeypatch) -> None:
    def broken(*_: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("no compiler")

    made = make()
    before = made.activation_post.kernel
    monkeypatch.setattr(torch, "compile", lambda function, *, dynamic: broken)
    assert not made.fuse()
    assert made.activation_post.kernel is before


def test_padding_would_have_been_heard() -> None:
    made, short = make(), mel(9)
    padded = made(pad(short, (0, 6), value=-11.5)[None])[0, : 9 * 8]
    assert (padded - made(short[None])[0]).abs().max() > 1e-3


def test_the_final_tanh_and_bias_are_the_configuration_s() -> None:
    loud = mel(3)[None] * 50
    assert make(use_tanh_at_final=True)(loud).abs().max() <= 1
    assert not torch.equal(make(use_tanh_at_final=True)(loud), make()(loud))
    assert make(use_bias_at_final=True).conv_post.bias is not None
    assert make().conv_post.bias is None


def test_half_precision_sounds_the_same() -> None:
    case = load_cases(KIT, size="tiny", component="bigvgan.wave")[0]
    made = BigVgan.load(VocoderConfig.parse(case.config or {}), case.weights())
    x = case.inputs()["mel"]
    exact, half = made(x), made.to(torch.bfloat16)(x)
    assert half.dtype == torch.float32
    assert half.isfinite().all()
    assert _distance(half[0], exact[0]) < 1  # dB; noise of the same power is 10 away


def _distance(one: Tensor, other: Tensor) -> float:
    """Log-spectral distance in dB: root mean square over frequency, mean over frames (Gray and Markel 1976)."""
    window = torch.hann_window(512)
    levels = [
        10 * torch.log10(torch.stft(wave, 512, 128, window=window, return_complex=True).abs() ** 2 + 1e-6)
        for wave in (one, other)
    ]
    return float((levels[0] - levels[1]).square().mean(dim=0).sqrt().mean())


def test_released_files_load_with_their_filters_and_others_do_not() -> None:
    made, weights = config(), state(config())
    filters = {
        "resblocks.0.activations.0.upsample.filter": [1, 1, 12],
        "activation_post.upsample.filter": [1, 1, 12],
    }
    BigVgan.load(made, {**weights, **standard_buffers(filters)})
    del weights["ups.0.0.bias"]
    with pytest.raises(BadWeights, match=r"ups\.0\.0\.bias"):
        BigVgan.load(made, weights)


def test_the_gain_of_a_transposed_convolution_belongs_to_its_inputs() -> None:
    weights = state(config())
    weights["ups.0.0.weight_g"] = torch.arange(1.0, 17.0).view(16, 1, 1)
    folded = BigVgan.load(config(), weights).get_parameter("ups.0.0.weight")
    torch.testing.assert_close(folded.flatten(1).norm(dim=1), torch.arange(1.0, 17.0))


@pytest.mark.parametrize("shape", [(80, 4), (1, 79, 4), (1, 80, 0), (0, 80, 4)])
def test_what_is_no_mel_is_refused(shape) -> None:
    with pytest.raises(SpeakingFailed, match="The vocoder takes"):
        make()(torch.zeros(shape))


def test_the_filters_keep_a_slow_wave_and_a_silent_sine_adds_nothing() -> None:
    time = torch.arange(200.0)
    wave = torch.sin(2 * math.pi * 0.02 * time).view(1, -1, 1)
    kept = snake_by_tiles(wave, torch.ones(1), torch.zeros(1))
    torch.testing.assert_close(kept[:, 20:-20], wave[:, 20:-20], rtol=0, atol=2e-3)
