import re

import pytest

from trainer.monitoring.charts import Series, draw_chart


def ticks(values, **options):
    svg = draw_chart(
        [Series("a", values)],
        ["1", "2"],
        marked=[False, False],
        description="a chart",
        **options,
    )
    return re.findall(r'text-anchor="end">([^<]+)</text>', svg.partition("<circle")[0])[:-1]


@pytest.mark.parametrize(
    ("values", "is_share", "expected"),
    [
        ([13.0, 19.4], False, ["0", "5", "10", "15", "20"]),
        ([-0.5, 2.2], False, ["-0.5", "0", "0.5", "1", "1.5", "2", "2.5"]),
        ([0.0635, 0.254], False, ["0", "0.05", "0.1", "0.15", "0.2", "0.25", "0.3"]),
        ([0.5, 1.0], True, ["0%", "20%", "40%", "60%", "80%", "100%"]),
        ([0.004, 0.011], True, ["0.0%", "0.2%", "0.4%", "0.6%", "0.8%", "1.0%", "1.2%"]),
        ([0.0, 0.3], False, ["0", "0.1", "0.2", "0.3"]),
        ([0.0, 0.0], True, ["0%", "20%"]),
        ([None, None], False, ["0", "0.2"]),
    ],
)
def test_ticks_are_round_numbers_around_the_values_and_zero(values, is_share, expected):
    assert ticks(values, is_share=is_share) == expected
