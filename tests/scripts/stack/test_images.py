"""What goes into the images of our own programs."""

import re

import pytest

from scripts.stack.images import IMAGES, PYTHON, Recipe, digest, list_recipes, render

RECIPES = {recipe.name: recipe for recipe in list_recipes()}
WITH_FRAPPE = {recipe.name: recipe for recipe in list_recipes("frappe")}
BASE = "sha256:base"


def render_recipe(recipe: Recipe, *, has_extra_ca: bool = False) -> str:
    return render(
        recipe.template, base=BASE, python="press/python:1", has_extra_ca=has_extra_ca, **recipe.values
    )


@pytest.fixture(params=tuple(RECIPES))
def recipe(request: pytest.FixtureRequest) -> Recipe:
    return RECIPES[request.param]


class TestRecipes:
    def test_each_folder_has_one(self) -> None:
        folders = {
            path.name for path in IMAGES.iterdir() if path.is_dir() and not path.name.startswith("bench-")
        }
        assert folders == RECIPES.keys()

    def test_it_is_built_on_the_base_and_is_no_root(self, recipe: Recipe) -> None:
        text = render_recipe(recipe)
        stages = re.findall(r"^FROM (\S+)", text, re.MULTILINE)
        assert set(stages) <= {BASE, "press/python:1", "scratch"}
        if recipe.name != PYTHON:
            assert re.search(r"^USER 1000[1-6]:1000[1-6]$", text, re.MULTILINE)
            assert "\nHEALTHCHECK " in text

    def test_users_are_different(self) -> None:
        users = [
            re.search(r"^USER (\d+)", render_recipe(each), re.MULTILINE)
            for each in RECIPES.values()
            if each.name != PYTHON
        ]
        found = [user.group(1) for user in users if user]
        assert len(found) == len(set(found)) == len(RECIPES) - 1

    def test_what_is_copied_is_there(self, recipe: Recipe) -> None:
        context = recipe.gather()
        for line in re.findall(r"^COPY (?!--from)(.+)$", render_recipe(recipe), re.MULTILINE):
            for name in line.split()[:-1]:
                assert any(file == name or file.startswith(f"{name}/") for file in context), name

    def test_no_cache_and_no_page_for_readers_goes_in(self, recipe: Recipe) -> None:
        context = recipe.gather()
        assert not [name for name in context if "__pycache__" in name or "node_modules" in name]
        assert "README.md" not in context

    def test_packages_are_pinned_by_their_hashes(self, recipe: Recipe) -> None:
        text = render_recipe(recipe)
        assert text.count("pip install") == text.count("--require-hashes")
        assert ("pip install" in text) == recipe.needs_network

    def test_one_more_authority_is_trusted_by_the_build_only(self) -> None:
        for each in (each for each in RECIPES.values() if each.needs_network):
            *build, last = re.split(r"^FROM ", render_recipe(each, has_extra_ca=True), flags=re.MULTILINE)
            assert any("extra-ca.crt" in stage for stage in build)
            assert "extra-ca" not in last
            assert "extra-ca" not in render_recipe(each)

    def test_git_is_there_only_where_frappe_is_offered(self) -> None:
        texts = [render_recipe(each["agent"]) for each in (RECIPES, WITH_FRAPPE)]
        assert [" git " in text for text in texts] == [False, True]
        others = {name: recipe for name, recipe in WITH_FRAPPE.items() if name != "agent"}
        assert others == {name: recipe for name, recipe in RECIPES.items() if name != "agent"}

    def test_the_agent_brings_the_recipes_of_benches(self) -> None:
        assert "images/bench-tryton/Dockerfile.j2" in RECIPES["agent"].gather()


class TestDigest:
    def test_it_follows_everything_that_decides(self) -> None:
        first = digest("a", {"f": b"1"}, "")
        assert first == digest("a", {"f": b"1"}, "")
        others = {
            digest("b", {"f": b"1"}, ""),
            digest("a", {"f": b"2"}, ""),
            digest("a", {"g": b"1"}, ""),
            digest("a", {"f": b"1"}, "p"),
            digest("a", {"f": b"1"}, "", {"has_git": True}),
        }
        assert len(others | {first}) == 6
