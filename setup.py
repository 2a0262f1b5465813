"Build `rlpt` from the one place that knows its version and requirements: settings.ini."

from configparser import ConfigParser
from pathlib import Path

from setuptools import find_packages, setup

PYTHONS = ["3.11", "3.12", "3.13", "3.14"]
STATUS = {"1": "1 - Planning", "2": "2 - Pre-Alpha", "3": "3 - Alpha", "4": "4 - Beta", "5": "5 - Production/Stable"}

config = ConfigParser(delimiters=["="])
config.read(Path(__file__).parent / "settings.ini", encoding="utf-8")
cfg = config["DEFAULT"]

extras = {name: cfg[f"{name}_requirements"].split() for name in ("lessons", "dev")}
extras["all"] = sum(extras.values(), [])

setup(
    name=cfg["lib_name"],
    version=cfg["version"],
    description=cfg["description"],
    long_description=(Path(__file__).parent / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license=cfg["license"],
    author=cfg["author"],
    author_email=cfg["author_email"],
    url=cfg["git_url"],
    project_urls={"Documentation": cfg["doc_host"] + cfg["doc_baseurl"]},
    keywords=cfg["keywords"],
    classifiers=[
        f"Development Status :: {STATUS[cfg['status']]}",
        f"Intended Audience :: {cfg['audience']}",
        f"Natural Language :: {cfg['language']}",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
        *(f"Programming Language :: Python :: {python}" for python in PYTHONS[PYTHONS.index(cfg["min_python"]):]),
    ],
    packages=find_packages(include=["rlpt", "rlpt.*"]),
    package_data={"rlpt": ["py.typed"]},
    include_package_data=False,
    python_requires=f">={cfg['min_python']}",
    install_requires=cfg["requirements"].split(),
    extras_require=extras,
    zip_safe=False,
)
