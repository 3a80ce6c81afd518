/** Keeps in sight what the reader looks for: the current link, the toasts, the first violation of a form. */
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

/**
 * The ref of a bar that sticks to the bottom of the window. Toasts stay above the bar, which they would cover: both are at
 * the right.
 */
export function keepBelowToasts(bar: HTMLElement | null): (() => void) | undefined {
  if (bar === null) return undefined;
  const root = document.documentElement.style;
  const measure = () => {
    const height = Math.max(0, innerHeight - bar.getBoundingClientRect().top);
    root.setProperty("--bottom-bar", `${height}px`);
  };
  // Its height follows its notes; at the end of the page, it leaves the edge of the window.
  const resized = new ResizeObserver(measure);
  resized.observe(bar);
  addEventListener("scroll", measure, { passive: true });
  addEventListener("resize", measure);
  return () => {
    resized.disconnect();
    removeEventListener("scroll", measure);
    removeEventListener("resize", measure);
    root.removeProperty("--bottom-bar");
  };
}

/** Once a form was rejected: moves the focus to its first field with a violation, wherever the reader is. */
export function useFirstViolation(error: unknown, container: RefObject<HTMLElement | null>): void {
  useEffect(() => {
    if (error === undefined) return;
    const violation = container.current?.querySelector(".field-error");
    violation?.closest(".field, fieldset, form")?.querySelector<HTMLElement>(
      "input, select, textarea",
    )
      ?.focus();
    // The violation is below the field, where a bar or the end of a dialog may hide it.
    violation?.scrollIntoView({ block: "nearest" });
  }, [error, container]);
}
