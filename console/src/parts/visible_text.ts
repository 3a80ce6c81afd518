/** Characters without a shape of their own, which could make one text pose as another. */

/**
 * Controls without tabs and line ends, formats as marks of direction, separators of lines, and what fonts leave out, as
 * a class of a regular expression.
 */
const CLASS = String
  .raw`[\u0000-\u0008\u000b-\u001f\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]`;

export const INVISIBLE = new RegExp(CLASS, "gu");
const IS_INVISIBLE = new RegExp(CLASS, "u");
/** An emoji may have joiners and selectors within. */
const EMOJI_OR_INVISIBLE = new RegExp(String.raw`\p{RGI_Emoji}|${CLASS}`, "gv");

/** Text with invisible characters made visible, so that a name cannot pose as another. */
export function visibleText(text: string): string {
  if (!IS_INVISIBLE.test(text)) return text;
  return text.replace(EMOJI_OR_INVISIBLE, (found) => {
    const code = found.codePointAt(0) ?? 0;
    const isEmoji = found.length > String.fromCodePoint(code).length || !IS_INVISIBLE.test(found);
    if (isEmoji) return found;
    if (code < 0x20) return String.fromCharCode(0x2400 + code);
    return code > 0xffff ? `\\u{${code.toString(16)}}` : `\\u${code.toString(16).padStart(4, "0")}`;
  });
}
