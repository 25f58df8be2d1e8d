"""What is near a limit is decided by exact figures, whatever the precision of the others."""

import numpy as np
import pytest

from workbench.stats.sizes import sizes_about


@pytest.mark.parametrize(("kind", "error"), [(np.float64, 2.0**-40), (np.float32, 2.0**-20)])
def test_what_an_approximation_cannot_decide_is_decided_exactly(kind, error):
    # whole numbers, and an approximation that errs by as much as it may
    sums = np.arange(10, dtype=kind)[:, None], np.zeros((10, 1), dtype=kind)

    def figures(values):
        assert values.dtype == np.float64
        return values[..., 0]

    def nearly(values):
        assert values.dtype == kind
        return values[..., 0] * kind(1 - error)

    sizes = sizes_about(4.0, sums, figures, nearly)
    assert (sizes >= 4).tolist() == [at >= 4 for at in range(10)]
    assert sizes[4] == 4.0
    assert sizes[5] < 5.0


def test_figures_too_small_for_single_precision_are_exact():
    sums = np.full((4, 1), 2, dtype=np.float32), np.ones((4, 1), dtype=np.float32)

    def figures(values):
        return values[..., 0] * (1e-60 if values.dtype == np.float64 else np.float32(0))

    assert sizes_about(1e-60, sums, figures, figures).tolist() == [1e-60] * 4


def test_where_a_figure_is_missing_its_size_is():
    sums = np.array([[1.0], [np.nan]]), np.zeros((2, 1))

    def figures(values):
        return values[..., 0]

    np.testing.assert_array_equal(sizes_about(0.5, sums, figures, figures), [1.0, np.nan])
