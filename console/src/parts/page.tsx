import { type ReactNode, useLayoutEffect } from "react";
import { visibleText } from "./format.ts";

/** A page: its title, which the window has, too, what one can do, and its content. */
export function Page({ title, heading, above, actions, children, wide = false }: {
  readonly title: string;
  /** In place of the title as the heading. */
  readonly heading?: ReactNode;
  readonly above?: ReactNode;
  readonly actions?: ReactNode;
  readonly children: ReactNode;
  /** Uses the whole height and width, as an editor does. */
  readonly wide?: boolean;
}) {
  const visible = visibleText(title);
  // Together with the heading.
  useLayoutEffect(() => {
    document.title = `${visible} · invoked`;
  }, [visible]);
  return (
    <div className={`page ${wide ? "page-wide" : ""}`}>
      <header className="page-head">
        <div className="page-title">
          {above === undefined ? null : <div className="page-above">{above}</div>}
          <h1>{heading ?? visible}</h1>
        </div>
        {actions === undefined ? null : <div className="page-actions">{actions}</div>}
      </header>
      {children}
    </div>
  );
}

/** A titled part of a page. */
export function Section({ title, id, actions, children }: {
  readonly title: string;
  /** Lets an address lead here. */
  readonly id?: string;
  readonly actions?: ReactNode;
  readonly children: ReactNode;
}) {
  return (
    <section className="section" id={id}>
      <header className="section-head">
        <h2 tabIndex={id === undefined ? undefined : -1}>{title}</h2>
        {actions}
      </header>
      {children}
    </section>
  );
}

/** Names and values, as a record's properties. */
export function Properties({ items }: {
  readonly items: readonly (readonly [name: string, value: ReactNode] | undefined)[];
}) {
  return (
    <dl className="properties">
      {items.map((item) =>
        item === undefined ? null : (
          <div key={item[0]} className="property">
            <dt>{item[0]}</dt>
            <dd>{item[1]}</dd>
          </div>
        )
      )}
    </dl>
  );
}
