"""What `export` refuses before it looks at the run: options that don't go together, a key that is not there."""

import pytest


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--out", "COHORT"), "a cohort needs --out COHORT and --count N"),
        (("--count", "3"), "a cohort needs --out COHORT and --count N"),
        (("--out", "COHORT", "--count", "3", "--licence", "terms"), "--licence belongs to --bundle"),
        (("--bundle", "B", "--out", "COHORT"), "--out can't go with --bundle"),
        (("--bundle", "B", "--count", "3"), "--count can't go with --bundle"),
        (("--out", "COHORT", "--count", "3", "--sign", "absent"), "the key to sign with is not there"),
        (("--bundle", "B", "--sign", "absent"), "the key to sign with is not there"),
        (("--bundle", "B", "--licence", "absent"), "the licence can't be read"),
    ],
)
def test_it_is_refused_with_the_next_step(cli, tmp_path, monkeypatch, options, words):
    monkeypatch.chdir(tmp_path)
    done = cli("export", "run", *options)
    assert (done.code, done.out) == (2, "")
    assert words in done.err
    assert "next: " in done.err
    assert list(tmp_path.iterdir()) == []
