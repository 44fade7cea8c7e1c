"""Labels: unique, stable, the lowest free number."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from p2pchat.model.names import fold
from p2pchat.protocol.labels import Labels


def test_the_first_keeps_the_name_and_the_next_get_numbers() -> None:
    labels: Labels[int] = Labels()
    assert [labels.give(key, "Li") for key in (1, 2, 3)] == ["Li", "Li_2", "Li_3"]
    assert [labels.give(key, "Li") for key in (3, 2, 1)] == ["Li_3", "Li_2", "Li"]


def test_the_lowest_free_number_is_given() -> None:
    labels: Labels[int] = Labels()
    for key in (1, 2, 3):
        labels.give(key, "Li")
    labels.release(2)
    assert labels.give(4, "Li") == "Li_2"
    labels.release(1)
    assert labels.give(3, "Li") == "Li_3", "it keeps what it has"
    assert labels.give(5, "Li") == "Li"


def test_a_name_of_a_labels_form_takes_its_place() -> None:
    labels: Labels[int] = Labels()
    assert labels.give(1, "Li_2") == "Li_2"
    assert labels.give(2, "Li") == "Li"
    assert labels.give(3, "Li") == "Li_3"
    assert labels.give(4, "Li_2") == "Li_2_2"


def test_letter_case_alone_makes_no_other_label() -> None:
    labels: Labels[int] = Labels()
    assert labels.give(1, "Maths") == "Maths"
    assert labels.give(2, "maths") == "maths_2"
    assert labels.find("MATHS_2") == 2
    assert labels.give(1, "MATHS") == "MATHS"
    assert labels.find("maths") == 1


def test_a_new_name_gives_a_new_label_and_frees_the_old_one() -> None:
    labels: Labels[int] = Labels()
    labels.give(1, "pc17")
    assert labels.give(1, "Li") == "Li"
    assert labels.find("pc17") is None
    assert labels.give(2, "pc17") == "pc17"


def test_labels_are_restored_as_they_were() -> None:
    labels: Labels[int] = Labels()
    labels.restore(2, "Li_2")
    labels.restore(1, "Li")
    labels.restore(3, "li")
    assert (labels.get(1), labels.get(2), labels.get(3)) == ("Li", "Li_2", None)
    assert labels.give(2, "Li") == "Li_2"


_names = st.sampled_from(["Li", "li", "Li_2", "Li_2_2", "LI_3", "Ann", "Straße", "STRASSE"])


@given(st.lists(st.tuples(st.integers(0, 6), st.none() | _names | st.text(min_size=1))))
def test_labels_stay_unique_and_found(steps: list[tuple[int, str | None]]) -> None:
    labels: Labels[int] = Labels()
    for key, name in steps:
        if name is None:
            labels.release(key)
            continue
        given = labels.give(key, name)
        assert fold(given).startswith(fold(name))
        assert labels.give(key, name) == given
    known = {key: label for key in range(7) if (label := labels.get(key)) is not None}
    assert len({fold(label) for label in known.values()}) == len(known)
    assert all(labels.find(label) == key for key, label in known.items())
