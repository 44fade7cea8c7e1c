"""Any picture becomes a small square; what is none is refused."""

from __future__ import annotations

import base64
import io
import random
from pathlib import Path

import pytest
from PIL import Image

from p2pchat.config.limits import AVATAR_BYTES
from p2pchat.errors import P2PChatError
from p2pchat.ui import avatar


def opened(text: str) -> Image.Image:
    data = base64.b64decode(text, validate=True)
    assert len(data) <= AVATAR_BYTES
    return Image.open(io.BytesIO(data))


def noise(width: int, height: int) -> Image.Image:
    return Image.frombytes("RGB", (width, height), random.Random(7).randbytes(3 * width * height))


PICTURES = [((900, 300), "png"), ((40, 90), "gif"), ((700, 700), "jpg"), ((256, 256), "webp")]


@pytest.mark.parametrize(("size", "ending"), PICTURES)
def test_any_picture_fits(size: tuple[int, int], ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"picture.{ending}"
    noise(*size).save(path)
    assert opened(avatar.avatar_from(str(path))).size == (avatar.SIDE, avatar.SIDE)


def test_it_is_the_middle_turned_as_it_is_meant(tmp_path: Path) -> None:
    picture = Image.new("RGB", (300, 100), "blue")
    picture.paste("red", (100, 0, 200, 50))
    picture.paste("lime", (100, 50, 200, 100))
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    picture.save(tmp_path / "turned.jpg", exif=exif, quality=95)
    found = opened(avatar.avatar_from(str(tmp_path / "turned.jpg"))).convert("RGB")
    top, bottom = found.getpixel((128, 30)), found.getpixel((128, 226))
    assert isinstance(top, tuple)
    assert isinstance(bottom, tuple)
    assert top[1] > 200 > top[0]
    assert bottom[0] > 200 > bottom[1]


def test_what_shows_through_lies_on_white(tmp_path: Path) -> None:
    Image.new("RGBA", (64, 64), (255, 0, 0, 0)).save(tmp_path / "clear.png")
    found = opened(avatar.avatar_from(str(tmp_path / "clear.png"))).convert("RGB")
    assert found.getpixel((5, 5)) == (255, 255, 255)


def test_what_is_no_picture_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("not a picture")
    for name in ("text.png", "gone.png"):
        with pytest.raises(P2PChatError, match="no picture"):
            avatar.avatar_from(str(tmp_path / name))


def test_what_pillow_itself_refuses_is_too_large(tmp_path: Path) -> None:
    """A picture of 20,000 × 20,000 pixels in a small file."""
    Image.new("1", (20_000, 20_000)).save(tmp_path / "huge.png")
    with pytest.raises(P2PChatError, match="too large"):
        avatar.avatar_from(str(tmp_path / "huge.png"))


def test_what_would_fill_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noise(100, 100).save(tmp_path / "a.png")
    monkeypatch.setattr(avatar, "PIXELS", 9_999)
    with pytest.raises(P2PChatError, match="too large"):
        avatar.avatar_from(str(tmp_path / "a.png"))
    monkeypatch.undo()
    monkeypatch.setattr(avatar, "FILE_BYTES", 100)
    with pytest.raises(P2PChatError, match="too large"):
        avatar.avatar_from(str(tmp_path / "a.png"))
