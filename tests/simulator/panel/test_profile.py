import pytest

from simulator.panel.profile import Profile


def test_a_large_profile_has_an_upper_end() -> None:
    with pytest.raises(ValueError, match="not 10001"):
        Profile.large(10_001)
    assert sum(batch.servers for batch in Profile.large(9_999).fleet) == 9_999
