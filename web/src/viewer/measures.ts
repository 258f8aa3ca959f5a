/** What pixels tell, in the words of the page; the names on the left are the API's. */

export const STYLES: [measure: string, name: string][] = [
  ["black_and_white", "black and white"],
  ["shallow_depth_of_field", "shallow depth of field"],
  ["minimalist", "minimalist"],
  ["patterns", "patterns"],
];

export const QUALITY: [measure: string, name: string][] = [
  ["quality", "overall"],
  ["sharpness", "sharpness"],
  ["exposure", "lightness"],
  ["contrast", "contrast"],
];

/** `38 %`; `< 1 %` for what is less but not nothing. */
export function formatShare(share: number): string {
  if (share > 0 && share < 0.005) return "< 1 %";
  return `${Math.round(share * 100)} %`;
}
