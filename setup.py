"""Names the packages for setuptools; everything else is in pyproject.toml."""

from setuptools import find_packages, setup

setup(
    packages=[
        *find_packages(
            include=["modeling_hybrid_mtl*", "trainer*"],
            # Folders of data, not packages.
            exclude=["trainer.data.sample*", "trainer.evaluation.metric_scripts*"],
        ),
        "trainer.configs",
    ],
    # hybrid-mtl train demo finds the configurations in the package.
    package_dir={"trainer.configs": "configs"},
)
