import math

import pytest

from bench.figures import Spread, exponent, ratio, spread


def test_percentiles_are_values_that_were_measured() -> None:
    assert spread([float(n) for n in range(200, 0, -1)]) == Spread(100.0, 198.0, 200.0, 200)
    assert spread([3.0]) == Spread(3.0, 3.0, 3.0, 1)


def test_no_values_have_no_percentile() -> None:
    with pytest.raises(ValueError, match="no values"):
        spread([])


def test_a_ratio_is_taken_figure_by_figure() -> None:
    assert ratio(Spread(1.0, 4.0, 9.0, 7), Spread(2.0, 2.0, 0.0, 7)) == Spread(0.5, 2.0, math.inf)


@pytest.mark.parametrize(("cost", "power"), [(10.0, 1.0), (100.0, 2.0), (1.0, 0.0)])
def test_growth_is_a_power_of_the_size(cost: float, power: float) -> None:
    assert exponent((100, 1.0), (1000, cost)) == pytest.approx(power)
