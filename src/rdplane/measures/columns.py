"""Names, types and default settings of the measures; needs no torch."""

__all__ = ["COLUMNS", "DEFAULTS"]

# In order, with the type that pandas reads them as; a measure that is off, or has no labels, leaves its columns empty.
COLUMNS: dict[str, str] = {
    "mi_lower": "float64",  # nats, as its standard error; never above log(mi_images)
    "mi_lower_se": "float64",
    "mi_upper": "float64",  # nats
    "mi_upper_se": "float64",
    "mi_images": "int64",
    "nll_iw": "float64",  # nats an image
    "nll_iw_se": "float64",
    "iw_samples": "int64",
    "iw_images": "int64",
    "active_units": "int64",
    "probe_accuracy": "float64",  # share of images
    "probe_accuracy_se": "float64",
    "gen_lower": "float64",  # nats
    "gen_lower_se": "float64",
    "gen_upper": "float64",  # nats
    "gen_upper_se": "float64",
    "gen_samples": "int64",
}

# Numbers of images are upper limits: a smaller test set is used whole. 0 switches a measure off.
DEFAULTS: dict[str, int] = {
    "seed": 0,  # of the choice of images and of all draws
    "mi_images": 2000,  # the K x K matrix of 10,000 takes 13 s on a core
    "iw_images": 100,
    "iw_samples": 16,  # draws of z an image, for nll_iw and gen_upper
    "unit_images": 500,
    "probe_images": 2000,
    "probe_folds": 5,
    "gen_samples": 64,
}
