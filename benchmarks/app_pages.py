"""How fast the app answers in a real Chromium, on a seeded project.

    python benchmarks/app_pages.py [--queries 10000] [--repeats 7]

Loads each page anew until its last part shows, and decides in Focus by keyboard until the next
card shows. Medians and the slowest, after one warm-up; everything in one run.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from importlib.metadata import version
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from distiller.dataset import open_example
from distiller.review import ACTIONS
from distiller.schema.domain import Domain, Project
from distiller.schema.examples import Judgment, Passage, Query, Strategy
from distiller.schema.knowledge import Concept
from distiller.store import Store

PASSAGES_PER_QUERY = 4
PAGES = {
    "Domain": ("", "New project"),
    "Knowledge": ("knowledge", "Add to the concepts"),
    "Knowledge, graph": ("knowledge?view=Graph", "The same as a table"),
    "Queries, Focus": ("queries?mode=Focus", "Queries that look alike"),
    "Queries, Table": ("queries?mode=Table", "Open one query"),
    "Queries, Coverage": ("queries?mode=Coverage", "The same as a table"),
    "Passages, Focus": ("passages?mode=Focus", "Where it comes from, and who did what"),
    "Passages, Table": ("passages?mode=Table", "Open one passage"),
    "Quality": ("quality", "Run the checks"),
    "Training": ("training", "Freeze the data as they are"),
    "Evaluation": ("evaluation", "Collections of your own"),
    "Jobs": ("jobs", "Nothing has been started yet"),
    "Settings": ("settings", "Hide the language model's grade"),
}


def seed(store: Store, queries: int) -> Project:
    """The example's words shuffled into many queries with four passages each."""
    chance = random.Random(13)
    example = open_example(store)
    words = [query.query.split() for query in store.items(example.id, Query)]
    texts = [passage.text for passage in store.items(example.id, Passage)]
    concepts = store.items(example.id, Concept)
    project = store.create_project(Domain(name=f"Seeded {queries}"))
    store.add(project.id, concepts)
    for start in range(0, queries, 1000):
        items: list[Query | Passage | Judgment] = []
        for number in range(start, min(start + 1000, queries)):
            mixed = chance.choice(words) + chance.choice(words)
            chance.shuffle(mixed)
            items.append(
                Query(
                    id=f"q{number}",
                    query=f"{' '.join(mixed)} {number}",
                    type=chance.choice(["rule", "deadline", "remedy", "definition"]),
                    key_concepts=[concept.term for concept in chance.sample(concepts, 2)],
                )
            )
            for part in range(PASSAGES_PER_QUERY):
                id_ = f"p{number}-{part}"
                items.append(Passage(id=id_, text=f"{chance.choice(texts)} {number}"))
                items.append(
                    Judgment(
                        id=f"j{number}-{part}",
                        query_id=f"q{number}",
                        passage_id=id_,
                        grade=0 if part else 3,
                        strategy=Strategy.STANDARD if part else Strategy.POSITIVE,
                    )
                )
        store.add(project.id, items)
    for action, status in ACTIONS.items():
        ids = [f"q{number}" for number in chance.sample(range(queries), queries // 10)]
        store.set_status(project.id, Query, ids, status, who=action)
    return project


def serve(workspace: str) -> tuple[subprocess.Popen[bytes], str]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "distiller", "app", "--port", str(port)],
        env=os.environ | {"DISTILLER_WORKSPACE": workspace},
        start_new_session=True,
        stdout=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    for _ in range(150):
        try:
            urllib.request.urlopen(f"{url}/_stcore/health", timeout=1)
            break
        except OSError:
            time.sleep(0.2)
    return server, url


def load(page: Page, url: str, last: str) -> float:
    """Milliseconds from asking for a page to its last part."""
    started = time.perf_counter()
    page.goto(url)
    _shown(page, last)
    return 1000 * (time.perf_counter() - started)


def _shown(page: Page, words: str) -> None:
    """Wait for words, looking at every frame: a locator looks again after half a second only."""
    page.wait_for_function(
        "words => document.body.innerText.toLowerCase().includes(words.toLowerCase())",
        arg=words,
        polling="raf",
    )


def switch(page: Page, title: str, last: str) -> float:
    """Milliseconds from choosing a page in the sidebar to its last part."""
    started = time.perf_counter()
    page.get_by_role("link", name=title, exact=True).click()
    _shown(page, last)
    return 1000 * (time.perf_counter() - started)


def decide(page: Page, key: str) -> float:
    """Milliseconds from a key to the next card with its neighbours drawn."""
    before = page.locator("h3").first.inner_text()
    started = time.perf_counter()
    page.keyboard.press(key)
    page.wait_for_function(
        "before => document.querySelector('h3')?.innerText !== before", arg=before, polling="raf"
    )
    took = 1000 * (time.perf_counter() - started)
    page.wait_for_timeout(600)
    return took


def grade(page: Page, key: str) -> float:
    """Milliseconds from a key to the next pair, by its address."""
    before = page.evaluate("new URL(location).searchParams.get('item')")
    started = time.perf_counter()
    page.keyboard.press(key)
    page.wait_for_function(
        "before => new URL(location).searchParams.get('item') !== before",
        arg=before,
        polling="raf",
    )
    took = 1000 * (time.perf_counter() - started)
    page.wait_for_timeout(600)
    return took


def row(name: str, times: list[float]) -> str:
    return f"| {name} | {statistics.median(times):.0f} | {max(times):.0f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--queries", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    program = shutil.which("chromium") or sys.exit("needs Chromium")
    with tempfile.TemporaryDirectory() as workspace:
        with Store.open(f"sqlite:///{Path(workspace) / 'distiller.db'}") as store:
            project = seed(store, options.queries)
        server, url = serve(workspace)
        try:
            with sync_playwright() as playwright:
                flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
                browser = playwright.chromium.launch(executable_path=program, args=flags)
                page = browser.new_page()
                measure(page, url, project, options.repeats)
        finally:
            os.killpg(server.pid, 15)


def measure(page: Page, url: str, project: Project, repeats: int) -> None:
    streamlit = version("streamlit")
    load_1, _, _ = os.getloadavg()
    print(f"Python {platform.python_version()}, Streamlit {streamlit}, {project.domain.name};")
    print(f"{os.cpu_count()} cores, {load_1:.1f} processes at work before the start\n")
    print("| what | median ms | slowest ms |\n|---|---|---|")
    for name, (path, last) in PAGES.items():
        sign = "&" if "?" in path else "?"
        whole = f"{url}/{path}{sign}project={project.name}&who=bench"
        load(page, whole, last)
        print(row(f"{name}: cold load", [load(page, whole, last) for _ in range(repeats)]))
    for title in ("Knowledge", "Queries", "Passages"):
        last = PAGES["Knowledge" if title == "Knowledge" else f"{title}, Focus"][1]
        times = []
        for _ in range(repeats):
            switch(page, "Domain", "This field")
            page.wait_for_timeout(800)
            times.append(switch(page, title, last))
            page.wait_for_timeout(800)
        print(row(f"{title}: from the sidebar", times))
    load(
        page,
        f"{url}/queries?project={project.name}&who=bench&mode=Focus",
        PAGES["Queries, Focus"][1],
    )
    page.wait_for_timeout(1500)
    decide(page, "a")
    print(row("a decision to the next card", [decide(page, key) for key in "axaxfaxaxf"]))
    load(
        page,
        f"{url}/passages?project={project.name}&who=bench&mode=Focus",
        PAGES["Passages, Focus"][1],
    )
    page.wait_for_timeout(1500)
    grade(page, "0")
    print(row("a grade to the next passage", [grade(page, key) for key in "0312x0312x"]))


if __name__ == "__main__":
    main()
