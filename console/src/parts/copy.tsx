import { useState } from "react";
import { Icon } from "./icon.tsx";
import { toastError } from "./toasts.tsx";
import { visibleText } from "./visible_text.ts";

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
  // The selection has taken the focus from where the reader goes on.
  if (focused instanceof HTMLElement) focused.focus();
  if (!isCopied) throw new Error("The browser blocked copying from this page");
}
