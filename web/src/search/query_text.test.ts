import { describe, expect, test } from "vitest";
import type { QueryItem } from "../api";
import {
  addition,
  endOfItem,
  isBeginning,
  labelOf,
  machineTagQuery,
  partLabel,
  partsAt,
  styleQuery,
  tagQuery,
  weightLabel,
  without,
  wordsQuery,
} from "./query_text";

const item = (kind: QueryItem["kind"], text: string, weight: number | null = 1): QueryItem => ({
  kind,
  text,
  weight,
  hex: null,
});

describe("what the page writes", () => {
  test("are words that stay words", () => {
    expect(wordsQuery("still life")).toBe("still life");
    expect(wordsQuery('-5 "x" near:here')).toBe('"-5 ""x"" near:here"');
  });

  test("are tags in the shortest form that is read back", () => {
    expect(tagQuery("beach")).toBe("#beach");
    expect(tagQuery("köln-süd")).toBe("#köln-süd");
    expect(tagQuery("San Francisco")).toBe('tag:"San Francisco"');
    expect(tagQuery('say "hi"')).toBe('tag:"say ""hi"""');
  });

  test("are machine tags, with `tag:` before those that look like a key", () => {
    const tag = (namespace: string, predicate: string, raw: string) => machineTagQuery({ namespace, predicate, raw });
    expect(tag("exif", "iso", "100")).toBe("exif:iso=100");
    expect(tag("exif", "model", "NIKON D70")).toBe('exif:model="NIKON D70"');
    expect(tag("photo", "by", "me")).toBe("tag:photo:by=me");
    expect(tag("a", "b", "*")).toBe('a:b="*"');
  });

  test("are styles, quoted where they have several words", () => {
    expect(styleQuery("minimalist")).toBe("style:minimalist");
    expect(styleQuery("black and white")).toBe('style:"black and white"');
  });
});

describe("an item is told in words", () => {
  test.each([
    [item("word", "dog"), "dog"],
    [item("word", "\\-5"), "-5"],
    [item("word", "-2:dog", -2), "dog"],
    [item("phrase", '-"a ""red"" car"', -1), '“a "red" car”'],
    [item("colour", "2:colour:teal@30%", 2), "teal, 30 %"],
    [item("colour", "colour:#008080@0.125"), "#008080, 13 %"],
    [item("style", 'style:"black and white"'), "black and white"],
    [item("tag", "#beach"), "#beach"],
    [item("tag", 'tag:"san francisco"'), "#san francisco"],
    [item("machine tag", "tag:photo:by=me"), "photo:by=me"],
    [item("photo", "photo:12"), "photo 12"],
    [item("photo", "-photo:12[0.1,0.2,0.5,0.5]", -1), "part of photo 12"],
    [item("filter", "since:2019-06", null), "Since 2019-06"],
    [item("filter", "near:52.5,13.4,10km", null), "Near 52.5,13.4, 10km"],
    [item("filter", "on:06-24", null), "On 06-24 of any year"],
    [item("filter", "nsfw<0.5", null), "NSFW at most 0.5"],
    [item("ranking", "dial:colour=0.5", null), "Colour counts 50 %"],
    [item("ranking", "order:time", null), "Newest first"],
  ])("%o", (given, told) => expect(labelOf(given)).toBe(told));

  test.each([
    [1, ""],
    [null, ""],
    [-1, "not"],
    [2, "2 ×"],
    [-0.5, "not, 0.5 ×"],
  ])("with its weight, %s: %s", (weight, told) => expect(weightLabel(weight)).toBe(told));

  test("and taken out, leaves the others", () => {
    const items = [item("word", "boat"), item("word", "-red", -1), item("filter", "since:2019", null)];
    expect(items.map((each) => without(items, each))).toEqual(["-red since:2019", "boat since:2019", "boat -red"]);
  });
});

describe("what is wrong in a line", () => {
  test("ends at white space outside of quotes", () => {
    expect(endOfItem("boat near:here red", 5)).toBe(14);
    expect(endOfItem('style:"odd one" red', 0)).toBe(15);
    expect(endOfItem("near:here", 0)).toBe(9);
  });

  test("is counted in characters, as the server counts", () => {
    expect(partsAt("🚤 near:here 🌊", 2)).toEqual(["🚤 ", "near:here", " 🌊"]);
  });
});

test.each([
  ["words", "words"],
  ["words:flowers", "flowers"],
  ["-words:boat", "not boat"],
  ["style:minimalist", "minimalist"],
  ["-colour", "not colour"],
  ["photo:12", "photo:12"],
])("the part %s is told as %s", (name, told) => expect(partLabel(name)).toBe(told));

test("a suggestion is what was typed and what it adds", () => {
  expect(addition("Sea fl", "sea flowers")).toEqual(["sea fl", "owers"]);
  expect(addition("flwoer", "flower")).toEqual(["", "flower"]);
});

test.each([
  ["colour:", true],
  ["boat exif:", true],
  ["nsfw<", true],
  ["dial:colour=", true],
  ["auto:label=", true],
  ["colour:teal", false],
  ["flowers", false],
])("%s is a beginning: %s", (query, beginning) => expect(isBeginning(query)).toBe(beginning));
