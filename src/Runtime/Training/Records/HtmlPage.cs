using System.Text;
using ModelCompiler.Runtime.IO;

namespace ModelCompiler.Runtime.Training;

/// <summary>A page in one file, without scripts, fonts or anything else from elsewhere.</summary>
internal static class HtmlPage
{
    private const string Style =
        """
        :root{color-scheme:light dark;--c0:#1f6feb;--c1:#d1590b;--c2:#2a8f4f;--c3:#8250df;--c4:#bf3989;--c5:#9a7500;--c6:#0f8a96;--c7:#6e7781;--c8:#b5483a;--c9:#5b6ee1}
        @media(prefers-color-scheme:dark){:root{--c0:#6cb0ff;--c1:#ff9d5c;--c2:#5ccb83;--c3:#bb9bff;--c4:#f48fc4;--c5:#e0bd4a;--c6:#4fd0dc;--c7:#a0a8b0;--c8:#ff8f80;--c9:#9aa8ff}}
        body{font:15px/1.45 system-ui,sans-serif;max-width:86rem;margin:0 auto;padding:1rem}
        h1{font-size:1.5rem;margin:.2rem 0}h2{font-size:1.15rem;margin:1.6rem 0 .4rem}
        .charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,26rem),1fr));gap:1rem}
        figure{margin:0}figcaption{font-weight:600}svg{width:100%;height:auto;display:block}
        svg text{font-size:13px;fill:currentColor;opacity:.75}.grid{stroke:currentColor;opacity:.15}.mark{stroke:currentColor;stroke-dasharray:4 4;opacity:.6}
        polyline{fill:none;stroke:var(--c);stroke-width:1.8}circle.dot,rect{fill:var(--c)}circle.hover{fill:transparent}rect:hover{opacity:.7}
        .legend{margin:.2rem 0;font-size:.85rem}.legend span{margin-right:.9rem;white-space:nowrap}.legend span::before{content:"";display:inline-block;width:.8em;height:.8em;margin-right:.35em;background:var(--c);border-radius:2px}
        table{border-collapse:collapse}td,th{padding:.15rem .9rem .15rem 0;text-align:left;vertical-align:top}td.n{text-align:right;font-variant-numeric:tabular-nums}
        .s0{--c:var(--c0)}.s1{--c:var(--c1)}.s2{--c:var(--c2)}.s3{--c:var(--c3)}.s4{--c:var(--c4)}.s5{--c:var(--c5)}.s6{--c:var(--c6)}.s7{--c:var(--c7)}.s8{--c:var(--c8)}.s9{--c:var(--c9)}
        """;

    /// <summary>A page with its heading.</summary>
    public static StringBuilder Begin(string heading, string what) => new(
        $"<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>{SvgChart.Html(heading)}: {what}</title>\n<style>\n{Style}\n</style></head>\n<body>\n<h1>{SvgChart.Html(heading)}</h1>\n");

    /// <summary>Adds a table of names and values.</summary>
    public static void Rows(StringBuilder page, IEnumerable<(string Name, string Value)> rows)
    {
        page.Append("<table>\n");
        foreach (var (name, value) in rows)
            page.Append($"<tr><th scope=\"row\">{SvgChart.Html(name)}</th><td>{SvgChart.Html(value)}</td></tr>\n");
        page.Append("</table>\n");
    }

    /// <summary>Ends the page and writes it whole or not at all.</summary>
    public static void Write(StringBuilder page, string path) => AtomicFile.WriteText(path, page.Append("</body></html>\n").ToString());
}
