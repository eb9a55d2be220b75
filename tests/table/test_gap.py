import linear_gaussian as lg
import numpy as np
import pytest

from rdplane.evaluate.information import mutual_information
from rdplane.table.gap import marginal_gap


@pytest.mark.parametrize(("latent", "a", "s"), [(2, 1.0, 1.0), (3, 2.0, 1.0)])
def test_the_gap_is_the_divergence_of_the_marginal(latent, a, s):
    information = mutual_information(lg.model(latent, a, s), lg.images(3000))
    rate = lg.information(latent, a, s) + lg.divergence(latent, a, s)
    least, most = marginal_gap(rate, information.lower.value, information.upper.value)
    tolerance = 3 * (information.lower.se + information.upper.se)
    assert least - tolerance < lg.divergence(latent, a, s) < most + tolerance


def test_the_least_gap_is_never_negative():
    assert marginal_gap(3.0, 2.0, 5.0)[0] == 0


def test_the_gap_of_a_column_is_a_column():
    least, most = marginal_gap(np.array([3.0, 9.0]), np.array([1.0, 2.0]), np.array([2.0, 4.0]))
    assert least.tolist() == [1, 5] and most.tolist() == [2, 7]
