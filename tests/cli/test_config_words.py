from traderd.cli.config_words import mask_key_id


def test_of_a_key_id_only_the_beginning_is_shown_and_nothing_of_a_short_one():
    assert mask_key_id("1a2b3c4d-5e6f") == "1a2b…"
    assert mask_key_id("short") == "…"
    assert mask_key_id("") == ""
