import { describe, expect, test } from "vitest";
import { EVERYTHING, hrefOf, type Place, parsePlace, queryHref, subjectKey } from "./url";

const places: Place[] = [
  EVERYTHING,
  { subject: { kind: "all" }, photo: 7 },
  { subject: { kind: "similar", id: 12 }, photo: null },
  { subject: { kind: "similar", id: 12 }, photo: 12 },
  { subject: { kind: "similar", id: 12 }, photo: null, why: 7 },
  { subject: { kind: "upload", upload: "9fab01" }, photo: null },
  { subject: { kind: "words", words: "red & blue = ? #1 köln 東京" }, photo: 3 },
];

describe("the address", () => {
  test.each(places)("of $subject is read back as it was", (place) => {
    const href = hrefOf(place);
    expect(parsePlace(new URL(href, "http://page").search)).toEqual(place);
  });

  test.each([
    "?similar=0",
    "?similar=-1",
    "?similar=1e3",
    "?similar=",
    "?words=%20",
    "?upload=../x",
    "?other=1",
  ])("%s, which names nothing, is the whole collection", (search) => expect(parsePlace(search)).toEqual(EVERYTHING));

  test("keeps its subject when its photo is not an id", () => {
    expect(parsePlace("?words=sea&photo=x")).toEqual({ subject: { kind: "words", words: "sea" }, photo: null });
  });

  test.each(["?why=7", "?words=sea&why=7", "?similar=5&photo=3&why=7"])("%s explains nothing", (search) =>
    expect(parsePlace(search).why).toBeUndefined());

  test("of the whole collection is the root", () => {
    expect(hrefOf(EVERYTHING)).toBe("/");
  });

  test("names a list whatever the viewer shows", () => {
    expect(subjectKey({ kind: "similar", id: 5 })).toBe("/?similar=5");
  });
});

test("a query that a link asks is the address of the same query typed", () => {
  expect(queryHref("still life")).toBe("/?words=still+life");
});
