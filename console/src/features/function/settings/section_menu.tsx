import { useLocation, useNavigate } from "@tanstack/react-router";
import { type MouseEvent, useEffect, useRef, useState } from "react";
import { useCurrentInView } from "../../../parts/in_view.ts";

/** A part of the page. */
export interface MenuItem {
  readonly id: string;
  readonly title: string;
  readonly isChanged: boolean;
}

/** Leads to each section of the page, and marks the one that the reader is in. */
export function SectionMenu(
  { functionId, items }: { readonly functionId: string; readonly items: readonly MenuItem[] },
) {
  const navigate = useNavigate();
  const { hash } = useLocation();
  const [current, show] = useCurrent(items.map(({ id }) => id));
  const menu = useRef<HTMLElement>(null);
  useEffect(() => {
    // An address may lead to a section, which was not there before the function was read.
    if (hash !== "") show(hash);
  }, [hash]);
  useCurrentInView(menu, current ?? "");
  const follow = (event: MouseEvent, id: string) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    void navigate({
      to: ".",
      hash: id,
      replace: true,
      resetScroll: false,
      hashScrollIntoView: false,
    });
    show(id);
  };
  return (
    <nav ref={menu} className="function-menu" aria-label="Sections of the settings">
      {items.map(({ id, title, isChanged }) => (
        <a
          key={id}
          href={`/functions/${functionId}/settings#${id}`}
          className="function-menu-link"
          aria-current={id === current ? "location" : undefined}
          onClick={(event) => follow(event, id)}
        >
          {title}
          {isChanged
            ? (
              <span className="function-menu-mark" title="Has unsaved changes">
                <span className="visually-hidden">(unsaved changes)</span>
              </span>
            )
            : null}
        </a>
      ))}
    </nav>
  );
}

/** Of the height of the window: the section that has this line is the current one. */
const READING_LINE = 0.3;

/** The section in sight, and what scrolls to another. Sections at the end of a page cannot come to its top. */
function useCurrent(ids: readonly string[]): readonly [string | undefined, (id: string) => void] {
  const [current, setCurrent] = useState(ids[0]);
  /** The section that was asked for, as long as the page is where that left it. */
  const chosen = useRef<{ readonly id: string; readonly at: number }>(undefined);
  const written = ids.join(" ");
  useEffect(() => {
    const find = () => {
      if (chosen.current?.at === scrollY) return setCurrent(chosen.current.id);
      chosen.current = undefined;
      setCurrent(sectionAt(written.split(" "), innerHeight * READING_LINE));
    };
    find();
    addEventListener("scroll", find, { passive: true });
    addEventListener("resize", find);
    return () => {
      removeEventListener("scroll", find);
      removeEventListener("resize", find);
    };
  }, [written]);
  const show = (id: string) => {
    const section = document.getElementById(id);
    if (section === null || !ids.includes(id)) return;
    section.scrollIntoView({ block: "start" });
    section.querySelector<HTMLElement>("h2")?.focus({ preventScroll: true });
    chosen.current = { id, at: scrollY };
    setCurrent(id);
  };
  return [current, show];
}

function sectionAt(ids: readonly string[], line: number): string | undefined {
  const isAtEnd = scrollY + innerHeight >= document.documentElement.scrollHeight - 1;
  if (isAtEnd && scrollY > 0) return ids.at(-1);
  const above = ids.filter((id) => {
    const top = document.getElementById(id)?.getBoundingClientRect().top ?? Infinity;
    return top <= line;
  });
  return above.at(-1) ?? ids[0];
}
