"""Package lists that `apt-get update` leaves behind."""

from layerscope.analysis.findings.known_paths import Place, cleaned, path_rule
from layerscope.analysis.findings.package_lists import users_of_lists
from layerscope.analysis.findings.run_deletions import lists_in_one_run


def _cleaned(place: Place) -> str:
    """Delete them in the same RUN, unless later steps install with them."""
    users = users_of_lists(place.evidence, place.group.layer)
    if users and place.step.instruction == "RUN":
        return lists_in_one_run(place.evidence, place.group.layer, users)
    return cleaned("rm -rf /var/lib/apt/lists/*")(place)


RULE = path_rule(
    "apt-lists",
    title="Package lists of apt left in",
    why="`apt-get update` downloads the lists of all packages; they are old when the image runs, and installing needs new ones.",
    patterns=("/var/lib/apt/lists/*",),
    fix=_cleaned,
)
