import { useState } from "react";
import { Icon } from "./icon.tsx";
import { visibleText } from "./visible_text.ts";

const SHOWN = 1_500;

/** Copies a text; shows a check for a moment. */
export function CopyButton(
  { text, label }: { readonly text: string; readonly label: string },
) {
  const visible = visibleText(label);
  const [isCopied, setCopied] = useState(false);
  const copy = async () => {
    await copyText(text);
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

/** Copies a text to the clipboard. Pages of plain HTTP have no clipboard API, except on localhost. */
export async function copyText(text: string): Promise<void> {
  if (navigator.clipboard !== undefined) {
    return await navigator.clipboard.writeText(text);
  }
  const area = document.createElement("textarea");
  area.value = text;
  area.setAttribute("readonly", "");
  area.className = "visually-hidden";
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}
