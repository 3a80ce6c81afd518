/** Plain buttons, and buttons that close a dialog, copy a text or open a menu. */
import {
  type ComponentPropsWithRef,
  createContext,
  lazy,
  type ReactNode,
  Suspense,
  useContext,
  useState,
} from "react";
import { fromServer } from "../browser/connection.ts";
import { visibleText } from "./format.ts";
import { Icon } from "./icon.tsx";
import type { MenuProps } from "./menu_popup.tsx";
import { toastError } from "./toasts.tsx";

interface ButtonProps extends ComponentPropsWithRef<"button"> {
  /** `plain` has no border until it is pointed at; `danger` destroys something. */
  readonly look?: "primary" | "normal" | "plain" | "danger";
  /** Says that the button works. It does nothing meanwhile and keeps the focus, which a disabled one loses. */
  readonly busy?: boolean;
  readonly icon?: ReactNode;
}

export function Button(
  { look = "normal", busy = false, icon, children, ...rest }: ButtonProps,
) {
  return (
    <button
      type="button"
      {...rest}
      className={`button button-${look} ${rest.className ?? ""}`}
      aria-busy={busy || undefined}
      aria-disabled={busy || undefined}
      onClick={busy ? (event) => event.preventDefault() : rest.onClick}
    >
      {icon}
      {children}
    </button>
  );
}

/** Closes the dialog around it as Escape does: asks first if that would lose input. */
export const CloseDialog = createContext<() => void>(() => {});

/** The button of a dialog's form that does nothing else. */
export function CancelButton({ children = "Cancel" }: { readonly children?: ReactNode }) {
  const close = useContext(CloseDialog);
  return <Button onClick={close}>{children}</Button>;
}

const SHOWN = 1_500;

/** Copies a text; shows a check for a moment. */
export function CopyButton(
  { text, label }: { readonly text: string; readonly label: string },
) {
  const visible = visibleText(label);
  const [isCopied, setCopied] = useState(false);
  const copy = async () => {
    try {
      await copyText(text);
    } catch (error) {
      return toastError("Could not copy", error);
    }
    setCopied(true);
    setTimeout(() => setCopied(false), SHOWN);
  };
  return (
    <button
      type="button"
      className="button button-plain button-icon"
      aria-label={isCopied ? "Copied" : visible}
      title={visible}
      onClick={() => void copy()}
    >
      <Icon name={isCopied ? "check" : "copy"} />
    </button>
  );
}

/**
 * Copies a text to the clipboard. Pages of plain HTTP have no clipboard API, except on localhost. Throws `Error` if the
 * browser forbids it.
 */
export async function copyText(text: string): Promise<void> {
  if (navigator.clipboard !== undefined) {
    return await navigator.clipboard.writeText(text);
  }
  const area = document.createElement("textarea");
  area.value = text;
  area.setAttribute("readonly", "");
  area.className = "visually-hidden";
  document.body.append(area);
  const focused = document.activeElement;
  area.select();
  const isCopied = document.execCommand("copy");
  area.remove();
  // The selection took the focus: return the focus to the reader's control.
  if (focused instanceof HTMLElement) focused.focus();
  if (!isCopied) throw new Error("The browser blocked copying from this page");
}

const MenuPopup = lazy(async () => ({
  default: (await fromServer(() => import("./menu_popup.tsx"))).MenuPopup,
}));

/** A button that opens a list of actions. Its code loads when it opens first. */
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
