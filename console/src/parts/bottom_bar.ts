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
