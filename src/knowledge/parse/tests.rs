use proptest::prelude::*;

use super::*;

fn article(source: &str) -> ParsedArticle {
    parse("docs/reset-your_password.md", Format::Markdown, source.as_bytes(), &|_| None).unwrap()
}

fn text(source: &str) -> String {
    article(source).text
}

/// Asserts a table of sources and the texts they become.
fn assert_texts(cases: &[(&str, &str)]) {
    for (source, expected) in cases {
        assert_eq!(text(source), *expected, "source: {source:?}");
    }
}

fn refusal(bytes: &[u8]) -> ParseError {
    parse("a.md", Format::Markdown, bytes, &|_| None).unwrap_err()
}

#[test]
fn knows_formats_by_extension() {
    let formats = ["a.md", "a.MARKDOWN", "b/c.mdx", "a.txt", "a.pdf", "md"].map(Format::of_file_name);
    let (markdown, plain) = (Some(Format::Markdown), Some(Format::PlainText));
    assert_eq!(formats, [markdown, markdown, markdown, plain, None, None]);
}

#[test]
fn refuses_what_is_no_text_in_a_clear_sentence() {
    assert_eq!(refusal(b""), ParseError::Empty);
    assert_eq!(refusal(b"---\ntitle: x\n---\n\n![only](an-image.png)\n"), ParseError::Empty);
    assert_eq!(refusal(&[0; 100]), ParseError::Binary);
    assert_eq!(refusal(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01"), ParseError::Binary);
    assert_eq!(refusal(b"caf\xe9 au lait"), ParseError::NotUtf8 { offset: 3 });
    assert_eq!(refusal(b"\xEF\xBB\xBFcaf\xe9"), ParseError::NotUtf8 { offset: 6 });
    assert_eq!(refusal(b"\xFF\xFEa\0\x00\xD8b\0"), ParseError::BrokenUtf16 { offset: 4 });
}

#[test]
fn decodes_what_exports_leave_behind() {
    assert_texts(&[
        ("\u{FEFF}Hello", "Hello"),
        ("a\0b", "ab"),
        ("one\r\ntwo\rthree", "one two three"),
        ("e\u{301}", "é"),
        ("e**\u{301}a**", "éa"),
        ("so\u{AD}ft\u{200B}", "soft"),
        ("a\u{1b}[31mb\u{7}", "a[31mb"),
    ]);
    let utf16: Vec<u8> = "\u{FEFF}# Grüße\n\nJa.".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let article = parse("a.md", Format::Markdown, &utf16, &|_| None).unwrap();
    assert_eq!((article.title.as_str(), article.text.as_str()), ("Grüße", "Grüße\n\nJa."));
}

#[test]
fn reads_front_matter() {
    let article =
        article("---\ntitle: 'Can''t sign in'\ntags:\n- login\n- login\n- 2024\nlang: DE-de\nms.custom: x\n---\nText.");
    assert_eq!(article.title, "Can't sign in");
    assert_eq!(article.tags, ["login", "2024"]);
    assert_eq!(article.language.as_deref(), Some("de"));
    assert_eq!(article.text, "Text.");
}

#[test]
fn an_article_that_says_that_it_is_superseded_is_tagged_so() {
    for says in ["status: superseded", "status: Outdated", "superseded_by: plans/new.md", "tags: superseded"] {
        assert_eq!(article(&format!("---\n{says}\n---\nText.")).tags, [SUPERSEDED], "{says}");
    }
    for says in ["status: current", "superseded_by:", "status: [superseded"] {
        assert!(article(&format!("---\n{says}\n---\nText.")).tags.is_empty(), "{says}");
    }
}

#[test]
fn reads_tags_in_each_way_they_are_written() {
    for tags in ["a, b", "[a, b]", "'a, b'", "\n  - a\n  - b", "[a, b"] {
        assert_eq!(article(&format!("---\ntags: {tags}\n---\nText.")).tags, ["a", "b"], "{tags}");
    }
}

#[test]
fn keeps_the_article_when_its_front_matter_is_broken() {
    for block in [
        "---\ntitle: Error: can't open\n\tx: [\n---\n",
        "---\ntitle: Error: can't open\ndescription: a: b: \"c\n---\n",
        "---\n: : [\ntitle: Error: can't open\n...\n",
        "---\ntitle: Error: can't open\ntags: [a\n",
    ] {
        let article = article(&format!("{block}\nText."));
        assert_eq!((article.title.as_str(), article.text.as_str()), ("Error: can't open", "Text."), "{block:?}");
    }
}

#[test]
fn does_not_take_prose_between_rules_for_front_matter() {
    assert_texts(&[("---\n\nNo entry here.\n\n---\n\nMore.", "No entry here.\n\nMore.")]);
}

#[test]
fn names_the_article_by_front_matter_then_heading_then_file() {
    assert_eq!(article("---\ntitle: A\n---\n# B\n\nText.").title, "A");
    assert_eq!(article("Text.\n\n# B *c* {#anchor}\n\nText.").title, "B c");
    assert_eq!(article("## Only a second level\n\nText.").title, "Reset your password");
    assert_eq!(parse("a/b\\.txt", Format::PlainText, b"Text.", &|_| None).unwrap().title, "Txt");
}

#[test]
fn tells_the_language_when_it_can() {
    let german = "Wenn Sie Ihr Kennwort vergessen haben, öffnen Sie die Anmeldeseite und wählen Sie dort \
                  die Schaltfläche, mit der Sie ein neues Kennwort anfordern können.";
    assert_eq!(article(german).language.as_deref(), Some("de"));
    assert_eq!(article("OK 123").language, None);
}

#[test]
fn keeps_plain_text_line_by_line() {
    let source = b"First  line \n\n\n\n  *second*\t\n<b>\n";
    let article = parse("a.txt", Format::PlainText, source, &|_| None).unwrap();
    assert_eq!(article.text, "First  line\n\n  *second*\n<b>");
    assert_eq!(article.sections, [Section { heading_path: vec![], span: 0..article.text.len() }]);
}

#[test]
fn drops_inline_markup_and_keeps_its_text() {
    assert_texts(&[
        ("**bold** _it_ `code *x*` ~~old~~ new", "bold it code *x* old new"),
        ("a \\* b \\<c\\> &amp; &nbsp;d &ndash; &#8217;", "a * b <c> & d – ’"),
        (
            "[text](https://a.example) and <https://b.example> and [](https://c.example)",
            "text and https://b.example and https://c.example",
        ),
        ("[ref][r]\n\n[r]: https://a.example", "ref"),
        ("a ![alt](x.png) b [![alt](x.png)](https://a.example) c", "a b c"),
        ("hard  \nbreak\\\nhere\nsoft", "hard\nbreak\nhere soft"),
        ("C:\\PROGRA~1\\MICROS~1", "C:\\PROGRA~1\\MICROS~1"),
        ("on the **File **menu and** OK**.", "on the File menu and OK."),
        ("`**/x` a ** b 2**3", "**/x a ** b 2**3"),
        ("src/**/x", "src/**/x"),
        ("Said[^1].\n\n[^1]: By us.", "Said[1].\n\n[1] By us."),
        ("One.\n\n***\n\nTwo.", "One.\n\nTwo."),
    ]);
}

#[test]
fn lays_out_lists() {
    assert_texts(&[
        ("- a\n- b\n\nc", "- a\n- b\n\nc"),
        ("3. a\n1. b", "3. a\n4. b"),
        ("1. a\n\n   more\n\n   - x\n     - y\n1. b", "1. a\n  more\n  - x\n    - y\n2. b"),
        ("1. Run:\n\n   ```cmd\n   dir\n     /s\n   ```", "1. Run:\n  dir\n    /s"),
        ("- [x] done\n- [ ] open", "- [x] done\n- [ ] open"),
    ]);
}

#[test]
fn makes_each_table_row_stand_by_itself() {
    assert_texts(&[
        ("|Key|Type|\n|-|-|\n|`a`|b|\n|c| |", "Key: a; Type: b\nKey: c"),
        ("|&nbsp;|Type|\n|-|-|\n|a|b|", "a; Type: b"),
        ("| | |\n|-|-|\n|[One](#a)|[Two](#b)|", "One; Two"),
        ("|A|\n|-|\n|one:<ul><li>x</li><li>y</li></ul>z<br>(w)|", "A: one: x, y, z (w)"),
        ("|A|B|\n|-|-|\n|![](a.png)|![](b.png)|", "A; B"),
        ("<table><tr><th>A</th><th>B</th></tr><tr><td>1</td><td><b>2</b></td></tr></table>", "A: 1; B: 2"),
    ]);
}

#[test]
fn keeps_code_as_it_is() {
    assert_texts(&[
        ("```powershell\nGet-X | fl *a*  \n\n\n  <tag> &amp; \\<\n```", "Get-X | fl *a*\n\n  <tag> &amp; \\<"),
        ("```\n:::image x:::\n> [!NOTE]\n```", ":::image x:::\n> [!NOTE]"),
    ]);
}

#[test]
fn drops_html_and_keeps_placeholders() {
    assert_texts(&[
        ("a <b>b</b><br/>c <!-- no --> d", "a b\nc d"),
        ("Type <username> or <domain name> at `<x>`.", "Type <username> or <domain name> at <x>."),
        ("<GUID>\n**bold**", "<GUID> bold"),
        ("Send to <address> at <time>.", "Send to <address> at <time>."),
        ("<code>x</code> <kbd>Ctrl</kbd>", "x Ctrl"),
        ("a <!-- not closed", "a <!-- not closed"),
        ("x <script>alert(1)</script> y\n\n<style>\np {}\n</style>\n\nz", "x y\n\nz"),
        ("<ul><li>a</li><li>b &ndash; c</li></ul>\n\nd", "- a\n- b – c\n\nd"),
        ("<ul><li>a\n\n## Heading\n\nnot indented", "- a\n\nHeading\n\nnot indented"),
        ("<p>a</p><div>b</div>", "a\n\nb"),
    ]);
}

#[test]
fn resolves_what_microsoft_learn_adds() {
    assert_texts(&[
        ("> [!NOTE]\n> Mind this.", "Note: Mind this."),
        ("> [!warning] Same line.\n> More.", "Warning: Same line. More."),
        ("> [!TIP]\n>\n> - a\n> - b", "Tip:\n- a\n- b"),
        ("- x\n\n  > [!IMPORTANT]\n  > y", "- x\n  Important: y"),
        ("> [!CAUTION]\n\nNot part of it.", "Not part of it."),
        ("a (:::image type=\"icon\" source=\"x.png\":::) b", "a b"),
        ("a\n\n:::image source=\"x\"\n  alt-text=\"y\":::\n\nb", "a\n\nb"),
        (":::zone pivot=\"web\"\n\nWeb.\n\n:::zone-end", "Web."),
        ("Name it *:::no-loc text=\"A\\\\B\":::*.", "Name it A\\B."),
        ("Item:::DocumentId:::ItemId", "Item:::DocumentId:::ItemId"),
        ("> [!VIDEO https://v.example]\n\na", "a"),
        ("> [!div class=\"next\"]\n> [Go on](b.md)", "Go on"),
        ("a\n\n[!INCLUDE [x](missing.md)]\n\nb", "a\n\nb"),
    ]);
}

#[test]
fn includes_fragments_where_they_stand_and_stops_when_they_circle() {
    let includes = |path: &str| match path {
        "../a.md" => Some("---\nx: y\n---\n> [!NOTE]\n> From a.\n\n[!INCLUDE [b](b.md)]".to_owned()),
        "b.md" => Some("From b. [!INCLUDE [a](../a.md)]".to_owned()),
        _ => None,
    };
    let source = "1. One\n\n   [!INCLUDE [a](../a.md)]\n\n1. Two [!INCLUDE [b](b.md)]";
    let article = parse("a.md", Format::Markdown, source.as_bytes(), &includes).unwrap();
    assert_eq!(article.text.lines().take(3).collect::<Vec<_>>(), ["1. One", "  Note: From a.", "  From b."]);
    assert!(article.text.contains("2. Two From b."), "{}", article.text);
}

/// The sections as (path, body).
fn outline(source: &str) -> Vec<(String, String)> {
    let article = article(source);
    let section = |section: &Section| (section.heading_path.join(" > "), article.text[section.span.clone()].to_owned());
    article.sections.iter().map(section).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(path, body)| ((*path).to_owned(), (*body).to_owned())).collect()
}

#[test]
fn gives_each_section_its_path_without_the_title() {
    let found = outline("# T\n\nIntro.\n\n## A\n\na\n\n### B\n\nb\n\n## C {#c}\n\nc\n");
    assert_eq!(found, pairs(&[("", "Intro."), ("A", "a"), ("A > B", "b"), ("C", "c")]));
    let found = outline("---\ntitle: Short\n---\n# Long\n\na\n");
    assert_eq!(found, pairs(&[("Long", "a")]));
}

#[test]
fn puts_tabs_and_disclosures_under_the_heading_they_stand_under() {
    let found = outline("## A\n\na\n\n# [Web](#tab/web)\n\nw\n\n# [Mac](#tab/mac)\n\nm\n\n***\n\nafter\n");
    assert_eq!(found, pairs(&[("A", "a"), ("A > Web", "w"), ("A > Mac", "m"), ("A", "after")]));
    let found = outline("## A\n\n<details>\n<summary><b>Why?</b></summary>\n\nSo.\n\n</details>\n\nafter\n");
    assert_eq!(found, pairs(&[("A > Why?", "So."), ("A", "after")]));
}

#[test]
fn makes_one_section_of_an_article_of_headings() {
    assert_eq!(outline("# A\n\n## B\n"), pairs(&[("", "A\n\nB")]));
}

#[test]
fn reads_a_whole_article() {
    let article = article(
        "---\ntitle: Can't sign in\ntags: [login, password]\n---\n# Can't sign in to your account\n\n\
         _Original number:_ &nbsp; 42\n\n## Symptoms\n\nYou see **Error 5** in `app.exe`:\n\n> Wrong password\n\n\
         ## Resolution\n\n> [!IMPORTANT]\n> Back up first.\n\n1. Select **Start** \
         (:::image type=\"icon\" source=\"x.png\":::).\n1. Run:\n\n    ```cmd\n    net user <username>\n    ```\n\n\
         |Key|Value|\n|---|---|\n|`A`|1|\n\nSee [more](https://a.example).\n",
    );
    insta::assert_debug_snapshot!(article);
}

#[test]
fn ends_in_time_on_hostile_sources() {
    let started = std::time::Instant::now();
    for source in [
        "[".repeat(100_000),
        "![".repeat(100_000),
        "> ".repeat(100_000),
        "- ".repeat(100_000) + "x",
        "<a \"".repeat(50_000),
        format!("<div>{}", "<a \"".repeat(50_000)),
        "<!--".repeat(50_000),
        "[!INCLUDE [a](b".repeat(20_000),
        "a".repeat(1_000_000),
        "<ul><li>".repeat(20_000),
        format!("---\ntitle: {}\n---\nx", "[".repeat(60_000)),
        format!("---\ntags:\n{}\n---\nx", "- ".repeat(30_000)),
        format!("|{}\n|{}\n{}", "h|".repeat(1000), "-|".repeat(1000), "|x|\n".repeat(5000)),
    ] {
        let _ = parse("a.md", Format::Markdown, source.as_bytes(), &|_| None);
    }
    assert!(started.elapsed().as_secs() < 30, "{:?}", started.elapsed());
}

fn markdownish() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "# ",
        "## ",
        "### ",
        "\n",
        "\n\n",
        "\n\n",
        "- ",
        "1. ",
        "> ",
        "    ",
        "```\n",
        "`",
        "**",
        "*",
        "_",
        "~~",
        "[a](b)",
        "![a](b)",
        "[",
        "](",
        "<b>",
        "</b>",
        "<ul>",
        "<li>",
        "</ul>",
        "<table>",
        "<tr>",
        "<td>",
        "</table>",
        "<details>",
        "<summary>",
        "</summary>",
        "</details>",
        "<user name>",
        "<!--",
        "-->",
        "<h2>",
        "</h2>",
        "&nbsp;",
        "&amp;",
        "|a|b|\n|-|-|\n|c|d|\n",
        "> [!NOTE]\n",
        ":::image x:::",
        ":::",
        "[!INCLUDE [a](b)]",
        "[!VIDEO x]",
        "---\n",
        "title: x\n",
        "***\n",
        "# [T](#tab/t)\n",
        "[^1]",
        "[^1]: n\n",
        "word",
        "é",
        "e\u{301}",
        "\u{301}",
        "漢",
        "\0",
        "\\",
        "\t",
        "{#id}",
        "\u{FDD0}",
        "\u{A0}",
        "<script>",
        "</script>",
        "<br>",
    ]);
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

fn assert_sound(source: &str) -> Result<(), TestCaseError> {
    let includes = |_: &str| Some("## Fragment\n\n- x\n\n[!INCLUDE [a](b)]".to_owned());
    let Ok(article) = parse("a.md", Format::Markdown, source.as_bytes(), &includes) else {
        return Ok(());
    };
    let text = &article.text;
    prop_assert!(!text.trim().is_empty() && text.trim_end() == text, "{text:?}");
    prop_assert!(!text.contains("\n\n\n"), "{text:?}");
    prop_assert!(text.lines().all(|line| line.trim_end() == line), "{text:?}");
    prop_assert!(text.chars().all(|c| !c.is_control() || matches!(c, '\n' | '\t')), "{text:?}");
    prop_assert!(!text.contains(['\u{FDD0}', '\u{FDD1}', '\u{FDD2}']), "{text:?}");
    prop_assert!(unicode_normalization::is_nfc(text), "{text:?}");
    prop_assert!(!article.title.is_empty() && !article.sections.is_empty());

    let mut end = 0;
    for section in &article.sections {
        prop_assert!(section.span.start >= end && section.span.start < section.span.end, "{article:?}");
        let body = text.get(section.span.clone());
        prop_assert!(body.is_some_and(|body| !body.is_empty() && body.trim() == body), "{article:?}");
        // What no section holds are headings, each a line of its own.
        for heading in text[end..section.span.start].split("\n\n") {
            prop_assert!(!heading.trim_matches('\n').contains('\n'), "{article:?}");
        }
        end = section.span.end;
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_text_is_read_soundly(source in "(?s).{0,300}") {
        assert_sound(&source)?;
    }

    #[test]
    fn anything_like_markdown_is_read_soundly(source in markdownish()) {
        assert_sound(&source)?;
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = parse("a.md", Format::Markdown, &bytes, &|_| None);
        let _ = parse("a.txt", Format::PlainText, &bytes, &|_| None);
    }
}
