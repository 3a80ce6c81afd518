import { lazy, Suspense, useState } from "react";
import { fromServer } from "../browser/server.ts";
import type { MenuProps } from "./menu_popup.tsx";

const MenuPopup = lazy(async () => ({
  default: (await fromServer(() => import("./menu_popup.tsx"))).MenuPopup,
}));

/** A button that opens a list of actions; `null` in `items` is a line between two groups. Its code loads when it opens first. */
export function Menu(props: MenuProps) {
  const [wasOpened, setOpened] = useState(false);
  const button = (
    <button
      type="button"
      className="button button-normal"
      aria-label={props.label}
      aria-haspopup="menu"
      aria-expanded={false}
      onClick={() => setOpened(true)}
    >
      {props.children}
    </button>
  );
  if (!wasOpened) return button;
  return (
    <Suspense fallback={button}>
      <MenuPopup {...props} />
    </Suspense>
  );
}
