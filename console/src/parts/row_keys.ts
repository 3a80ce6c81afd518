import { type KeyboardEvent, type RefObject, useCallback, useMemo } from "react";
import { useShortcuts } from "./shortcuts.tsx";

/** Frames within which a row that was scrolled to is drawn. */
const DRAW_FRAMES = 20;

interface RowKeysOptions {
  readonly body: RefObject<HTMLTableSectionElement | null>;
  readonly count: number;
  /** Draws the row of an index, if it is far from those on the screen. */
  readonly scrollTo: (index: number) => void;
  /** Whether j and k work wherever the focus is; arrows work inside the table alone. */
  readonly everywhere: boolean;
}

/** Moves the focus from row to row, on the first link of each. Returns the listener for arrows. */
export function useRowKeys(
  { body, count, scrollTo, everywhere }: RowKeysOptions,
): (event: KeyboardEvent) => void {
  const move = useCallback((step: 1 | -1) => {
    const at = focusedIndex(body.current);
    const wanted = at === undefined ? firstVisibleIndex(body.current) : at + step;
    const index = Math.min(Math.max(wanted, 0), count - 1);
    if (index < 0 || focusRow(body.current, index)) return;
    scrollTo(index);
    focusOnceDrawn(body, index, DRAW_FRAMES);
  }, [body, count, scrollTo]);
  const shortcuts = useMemo(() =>
    everywhere
      ? [
        { keys: "j", label: "Next row", run: () => move(1) },
        { keys: "k", label: "Previous row", run: () => move(-1) },
      ]
      : [], [everywhere, move]);
  useShortcuts(shortcuts);
  return useCallback((event: KeyboardEvent) => {
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    if ((event.target as HTMLElement).closest("input, select, textarea") !== null) return;
    event.preventDefault();
    move(event.key === "ArrowDown" ? 1 : -1);
  }, [move]);
}

function indexOf(row: Element | null | undefined): number | undefined {
  const index = Number(row?.getAttribute("aria-rowindex") ?? 0);
  return index >= 2 ? index - 2 : undefined;
}

function focusedIndex(body: HTMLElement | null): number | undefined {
  const row = document.activeElement?.closest("tr");
  return body?.contains(row ?? null) === true ? indexOf(row) : undefined;
}

function firstVisibleIndex(body: HTMLElement | null): number {
  const rows = body?.querySelectorAll("tr[aria-rowindex]") ?? [];
  const first = [...rows].find((row) => row.getBoundingClientRect().top >= 0);
  return indexOf(first) ?? 0;
}

function focusRow(body: HTMLElement | null, index: number): boolean {
  const link = body?.querySelector<HTMLElement>(`tr[aria-rowindex="${index + 2}"] a`);
  link?.focus();
  return link !== null && link !== undefined;
}

function focusOnceDrawn(
  body: RefObject<HTMLElement | null>,
  index: number,
  frames: number,
): void {
  if (frames === 0) return;
  requestAnimationFrame(() => {
    if (!focusRow(body.current, index)) focusOnceDrawn(body, index, frames - 1);
  });
}
