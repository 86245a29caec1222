"""What the front ends promise: the released features of any recording, and a clear word where there is too little."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from tts.errors import BadReference
from tts.indextts2 import frontend


def noise(samples: int, seed: int = 0) -> Tensor:
    return 0.1 * torch.randn(samples, generator=torch.Generator().manual_seed(seed))


def tone(hertz: float, rate: int, seconds: float = 0.5) -> Tensor:
    return 0.5 * torch.sin(
        2 * math.pi * hertz * torch.arange(int(rate * seconds), dtype=torch.float64) / rate
    )


@pytest.mark.parametrize("samples", [560, 719, 720, 5_000, 16_080])
@pytest.mark.parametrize("band_limited", [False, True])
def test_the_semantic_features_are_those_of_the_released_extractor(samples: int, band_limited: bool) -> None:
    from transformers.models.seamless_m4t.feature_extraction_seamless_m4t import SeamlessM4TFeatureExtractor

    wave = noise(samples)
    if band_limited:  # telephone sound: the upper bands are empty, down to the log floor
        spectrum = torch.fft.rfft(wave.double())
        spectrum[len(spectrum) // 2 :] = 0
        wave = torch.fft.irfft(spectrum, samples).float()
    want = SeamlessM4TFeatureExtractor()(
        wave.numpy(), sampling_rate=frontend.SPEECH_RATE, return_tensors="pt"
    )
    features, mask = frontend.w2v_features(wave)
    torch.testing.assert_close(features, want["input_features"], rtol=0, atol=2e-4, check_dtype=False)
    assert mask.tolist() == want["attention_mask"].bool().tolist()


def test_an_odd_frame_out_keeps_a_masked_position_of_its_own() -> None:
    features, mask = frontend.w2v_features(noise(frontend.FRAME + 2 * frontend.SHIFT))
    assert features.shape == (1, 2, 160)
    assert mask.tolist() == [[True, False]]
    assert features[0, 1, :80].abs().sum() > 0
    assert features[0, 1, 80:].abs().sum() == 0


@pytest.mark.parametrize("samples", [385, 1_023, 1_024, 22_050])
def test_there_is_a_mel_frame_for_every_256_samples(samples: int) -> None:
    assert frontend.mel(noise(samples)).shape == (80, samples // 256)


@pytest.mark.parametrize(("hertz", "band"), [(500.0, 11), (1_000.0, 23), (4_000.0, 56)])
def test_a_tone_sounds_in_the_mel_band_of_its_pitch(hertz: float, band: int) -> None:
    # 500 Hz is mel 7.5, 1 kHz 15 and 4 kHz 35.2; band i peaks at (i + 1)/81 of the way to 49.9, which is 11 025 Hz
    loudest = frontend.mel(tone(hertz, frontend.MEL_RATE))[:, 10:-10].argmax(0)
    assert set(loudest.tolist()) == {band}


def test_mel_bands_have_equal_area_in_hertz() -> None:
    bank = frontend._slaney_bank(torch.float64, torch.device("cpu"))
    area = bank.sum(1) * frontend.MEL_RATE / frontend.MEL_FFT
    torch.testing.assert_close(area[20:], torch.ones(60, dtype=torch.float64), rtol=0.05, atol=0)


def test_a_sound_one_hop_later_is_one_mel_frame_later() -> None:
    wave = noise(8_000)
    later = torch.cat((torch.zeros(256), wave))
    torch.testing.assert_close(frontend.mel(later)[:, 5:31], frontend.mel(wave)[:, 4:30], rtol=0, atol=1e-3)


def test_silence_is_the_floor_and_not_minus_infinity() -> None:
    assert frontend.mel(torch.zeros(4_000)).unique().tolist() == pytest.approx([math.log(1e-5)])
    assert frontend.fbank(torch.zeros(4_000)).unique().tolist() == pytest.approx([math.log(2**-23)])
    assert torch.isfinite(frontend.w2v_features(torch.zeros(4_000))[0]).all()


def test_the_filter_bank_knows_level_and_no_offset() -> None:
    wave = noise(4_000).double()
    bank = frontend.fbank(wave)
    assert bank.shape == (1 + (4_000 - 400) // 160, 80)
    torch.testing.assert_close(frontend.fbank(wave + 0.3), bank)
    torch.testing.assert_close(frontend.fbank(10 * wave), bank + math.log(100))
    torch.testing.assert_close(frontend.centred(bank).mean(0), torch.zeros(80, dtype=torch.float64))


@pytest.mark.parametrize(("rate", "to"), [(22_050, 16_000), (16_000, 22_050), (24_000, 16_000)])
def test_resampling_keeps_what_both_rates_can_hold(rate: int, to: int) -> None:
    got = frontend.resample(tone(440, rate), rate, to)
    want = tone(440, to)
    assert len(got) == math.ceil(rate // 2 * to / rate)
    torch.testing.assert_close(got[200:-200], want[200:-200], rtol=0, atol=2e-3)


def test_resampling_drops_what_the_lower_rate_cannot_hold() -> None:
    assert frontend.resample(tone(10_500, 22_050), 22_050, 16_000)[200:-200].abs().max() < 0.01


def test_resampling_to_the_same_rate_is_the_same_sound() -> None:
    wave = noise(100)
    assert torch.equal(frontend.resample(wave, 16_000, 16_000), wave)


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100, 48_000])
def test_only_fifteen_seconds_are_listened_to(rate: int) -> None:
    samples = noise(16 * rate).numpy()
    speaker = frontend.reference_audio(samples, rate)
    assert len(speaker.wave22) == 330_750
    assert len(speaker.wave16) == 240_000
    assert len(frontend.emotion_audio(samples, rate)) == 240_000


@pytest.mark.parametrize("rate", [11_025, 22_050, 44_100])
def test_the_speaker_goes_by_way_of_the_mel_rate_and_the_emotion_does_not(rate: int) -> None:
    samples = noise(rate).numpy()
    speaker, emotion = frontend.reference_audio(samples, rate), frontend.emotion_audio(samples, rate)
    assert len(speaker.wave16) == len(emotion)
    assert torch.equal(speaker.wave16, frontend.resample(speaker.wave22, 22_050, 16_000))
    assert not torch.equal(speaker.wave16, emotion)


def test_the_recording_is_not_shared_with_the_caller() -> None:
    samples = noise(22_050).numpy()
    kept = frontend.reference_audio(samples, 22_050).wave22.clone()
    audio = frontend.reference_audio(samples, 22_050)
    samples[:] = 0
    assert torch.equal(audio.wave22, kept)


@pytest.mark.parametrize(
    ("analysis", "fewest"), [(frontend.mel, 385), (frontend.fbank, 400), (frontend.w2v_features, 560)]
)
def test_too_few_samples_are_a_bad_reference(analysis: Callable[[Tensor], object], fewest: int) -> None:
    analysis(noise(fewest))
    with pytest.raises(BadReference, match=str(fewest)):
        analysis(noise(fewest - 1))


@pytest.mark.parametrize("read", [frontend.reference_audio, frontend.emotion_audio])
@pytest.mark.parametrize(
    ("samples", "rate"),
    [
        (np.zeros(0, np.float32), 16_000),
        (np.zeros(0, np.float32), 44_100),
        (np.zeros(500, np.float32), 22_050),
        (np.zeros((2, 22_050), np.float32), 22_050),
        (np.zeros(22_050, np.float32), 0),
        (np.full(22_050, np.nan, np.float32), 22_050),
    ],
    ids=["empty", "empty, to resample", "short", "stereo", "no rate", "not a number"],
)
def test_what_is_no_recording_is_a_bad_reference(
    read: Callable[[np.ndarray, int], object], samples: np.ndarray, rate: int
) -> None:
    with pytest.raises(BadReference):
        read(samples, rate)


def test_the_precision_of_the_samples_is_the_precision_of_the_analysis() -> None:
    wave = noise(8_000)
    for analysis in (frontend.mel, frontend.fbank):
        assert analysis(wave.double()).dtype == torch.float64
        torch.testing.assert_close(
            analysis(wave), analysis(wave.double()), rtol=0, atol=1e-3, check_dtype=False
        )
