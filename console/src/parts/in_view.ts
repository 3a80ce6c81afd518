import { type RefObject, useEffect } from "react";

/** Keeps the current one of the links of a list in sight, where the list is so narrow that it scrolls sideways. */
export function useCurrentInView(list: RefObject<HTMLElement | null>, current: string): void {
  useEffect(() => {
    const link = list.current?.querySelector<HTMLElement>("[aria-current]") ?? null;
    if (list.current === null || link === null) return;
    const { left, width } = link.getBoundingClientRect();
    const frame = list.current.getBoundingClientRect();
    // The page itself stays where it is.
    list.current.scrollLeft += left - frame.left - (frame.width - width) / 2;
  }, [list, current]);
}
