"""Make `by_style.png`, the picture of the README, anew from the first notebook's report.

Needs the extra `test` and Debian's chromium: `python docs/make_picture.py`.
"""

import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from workbench import reports

HERE = Path(__file__).resolve().parent
# Which figure of the report, from 0, and the part of the page that is left out.
FIGURE = 2
ALONE = ".figure-shot { padding: 12px 16px; background: #fff; }"


def main() -> None:
    """Draw the figure in a browser and take its picture."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        reports.build([HERE.parent / "notebooks" / "01_compare_models.ipynb"], folder=folder)
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 900, "height": 900}, device_scale_factor=1.5)
        page.goto((Path(folder) / "01_compare_models.html").as_uri())
        box = page.locator(".figure").nth(FIGURE).locator("xpath=..")
        box.evaluate(
            "(box, style) => { box.className += ' figure-shot'; const tag = document.createElement('style'); tag.textContent = style; document.head.append(tag); }",
            ALONE,
        )
        page.wait_for_timeout(500)
        box.screenshot(path=HERE / "by_style.png")
        browser.close()


if __name__ == "__main__":
    main()
