/** Lists on a laptop's and a phone's screen: each column is in sight, in a second line where the first is full. */
import assert from "node:assert/strict";
import { type ConsoleBrowser, NEXT_FRAME } from "../support/console.ts";

const SCREENS = [{ width: 1024, height: 800 }, { width: 390, height: 800 }] as const;
/** Of a column without a width of its own, beside others in its line. */
const READABLE_PX = 180;

interface Cell {
  readonly header: string;
  readonly width: number;
  readonly right: number;
  readonly isCut: boolean;
}

/** The cells of the first row of the list of the page, beside their headers. */
const FIRST_ROW = `(() => {
  const table = document.querySelector("main table:has(tr[aria-rowindex])");
  const cells = [...table.querySelector("tbody tr[aria-rowindex]").cells];
  return [...table.tHead.rows[0].cells].map((head, index) => {
    const cell = cells[index];
    const { width, right } = cell.getBoundingClientRect();
    return {
      header: head.innerText.trim(),
      width: Math.min(width, head.getBoundingClientRect().width),
      right,
      isCut: [cell, ...cell.querySelectorAll(".badge")].some((one) => one.scrollWidth > one.clientWidth),
    };
  });
})()`;

/**
 * Opens a list on each screen. Fails for a column that is hidden, or outside the screen, or whose text is longer than a
 * column that is too narrow to read it in, and for what axe-core finds on the narrow one.
 * @param whole headers of columns whose text is never cut
 * @param colors whether to run the rules about colours: not for a list that the test looks at elsewhere
 */
export async function listFits(
  console: ConsoleBrowser,
  path: string,
  whole: readonly string[] = [],
  { colors = true }: { readonly colors?: boolean } = {},
): Promise<void> {
  const { page } = console;
  const before = page.viewportSize() ?? { width: 1280, height: 820 };
  await page.setViewportSize(SCREENS[0]);
  await console.goto(path);
  await page.locator("main table tbody tr[aria-rowindex]").first().waitFor();
  for (const size of SCREENS) {
    await page.setViewportSize(size);
    // The table measures itself in the frame, and is drawn anew before the page has nothing to do.
    await page.evaluate(NEXT_FRAME);
    await page.evaluate("new Promise((drawn) => requestIdleCallback(drawn))");
    const cells = await page.evaluate<Cell[]>(FIRST_ROW);
    const absent = whole.filter((name) => cells.every(({ header }) => header !== name));
    assert.deepEqual(absent, [], `headers of ${path}`);
    for (const { header, width, right, isCut } of cells) {
      const where = `${header} of ${path} at ${size.width} px: ${width} px`;
      assert.ok(width >= 40, where);
      assert.ok(right <= size.width, `${where}, to ${right}`);
      assert.ok(!isCut || (width >= READABLE_PX && !whole.includes(header)), `${where}, cut`);
    }
    const picture = `list_${path.replace(/\W+/g, "_")}_${size.width}`;
    await console.assertFits();
    if (size === SCREENS[0]) await console.screenshot(picture);
    else await console.assertAccessible(picture, { colors });
  }
  await page.setViewportSize(before);
}
