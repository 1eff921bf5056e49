extension Page {
    /// The style sheet. The six series colours are distinguishable under the common colour deficiencies and have a contrast of at least 3 : 1 with
    /// the ground, in light and dark.
    static let style: HTML = """
        :root { color-scheme: light dark;
          --ground: #fcfbf9; --ink: #1c1e21; --quiet: #62666c; --hair: #e3e0da; --soft: #f3f1ec; --alarm: #a3271b;
          --s0: #1f66b3; --s1: #c2560c; --s2: #0b7d62; --s3: #9b4292; --s4: #866a00; --s5: #55595f; }
        @media (prefers-color-scheme: dark) { :root {
          --ground: #16181b; --ink: #e8e6e2; --quiet: #a0a3a8; --hair: #33363b; --soft: #1f2226; --alarm: #ff9a8c;
          --s0: #6aaef2; --s1: #f0954a; --s2: #45c3a0; --s3: #de8fd2; --s4: #d3ba4b; --s5: #b4b7bc; } }
        * { box-sizing: border-box; }
        body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
          font-variant-numeric: tabular-nums; -webkit-text-size-adjust: 100%; }
        main { max-width: 1240px; margin: 0 auto; padding: 40px 24px 64px; }
        h1 { font-size: clamp(1.45rem, 1.1rem + 1.6vw, 2.25rem); line-height: 1.2; font-weight: 650; letter-spacing: -.012em;
          margin: 0 0 16px; max-width: 30em; text-wrap: balance; }
        h2 { font-size: 1.3rem; line-height: 1.25; font-weight: 650; margin: 56px 0 12px; padding-top: 20px; border-top: 1px solid var(--hair); }
        h3 { font-size: 1rem; line-height: 1.3; font-weight: 600; margin: 0; }
        p { margin: 0 0 12px; } p, li { text-wrap: pretty; }
        a { color: inherit; }
        .kicker { color: var(--quiet); font-size: .875rem; margin-bottom: 10px; }
        .lead { max-width: 52em; color: var(--quiet); }
        .quiet { color: var(--quiet); font-weight: 400; }
        .note { color: var(--quiet); font-size: .875rem; line-height: 1.45; max-width: 60em; }
        .empty { color: var(--quiet); font-style: italic; padding: 24px 0; }
        ul { padding-left: 1.2em; margin: 0 0 12px; }
        .tiles { list-style: none; margin: 28px 0 20px; padding: 0; display: grid;
          grid-template-columns: repeat(auto-fit, minmax(220px, 1fr)); gap: 20px 32px; }
        .tiles li { display: flex; flex-direction: column; border-left: 3px solid var(--s0); padding-left: 14px; }
        .tiles b { font-size: 1.5rem; line-height: 1.3; font-weight: 600; white-space: nowrap; }
        .tiles i { font-style: normal; color: var(--quiet); font-weight: 400; }
        .tile-name { color: var(--quiet); font-size: .875rem; }
        .others { max-width: 60em; }
        .alarms { color: var(--alarm); border-left: 3px solid var(--alarm); list-style: none; padding: 2px 0 2px 14px; }
        #images h3 { margin: 20px 0 10px; }
        .grid { display: grid; gap: 22px 28px; grid-template-columns: repeat(auto-fill, minmax(min(100%, 250px), 1fr)); }
        .grid.columns-3 { grid-template-columns: repeat(auto-fill, minmax(min(100%, 320px), 1fr)); }
        .grid.columns-4 { grid-template-columns: repeat(auto-fill, minmax(min(100%, 350px), 1fr)); }
        figure { margin: 0; min-width: 0; }
        .pair .row { display: grid; grid-auto-flow: column; grid-auto-columns: minmax(0, 1fr); gap: 6px; }
        .samples { display: grid; gap: 22px; margin: 10px 0 24px; }
        .samples .row { grid-auto-flow: row; grid-template-columns: repeat(auto-fill, minmax(min(30%, 120px), 1fr)); }
        .image { display: flex; flex-direction: column; font-size: .75rem; line-height: 1.35; min-width: 0; }
        .image img, .missing { width: 100%; aspect-ratio: 1; object-fit: contain; background: var(--soft); display: block; border-radius: 3px; }
        .missing { display: grid; place-items: center; color: var(--quiet); }
        .pixelated { image-rendering: pixelated; }
        .name { margin-top: 4px; overflow-wrap: anywhere; }
        .values { display: flex; flex-wrap: wrap; column-gap: 8px; margin-top: auto; }
        .pair figcaption { font-size: .875rem; line-height: 1.35; margin-top: 6px; overflow-wrap: anywhere; }
        .caption { unicode-bidi: isolate; quotes: "“" "”"; }
        .swatch { display: inline-block; width: 8px; height: 8px; border-radius: 50%; background: var(--c); margin-right: 5px; }
        .charts { display: grid; gap: 36px 32px; grid-template-columns: repeat(auto-fill, minmax(min(100%, 340px), 1fr)); margin: 20px 0; }
        .charts.wide { grid-template-columns: repeat(auto-fill, minmax(min(100%, 440px), 1fr)); gap: 36px 72px; }
          .wide .chart > svg { max-width: 430px; }
        .chart svg { display: block; width: 100%; height: auto; overflow: visible; }
        .chart > svg { margin: 8px 0 6px; }
        .legend { list-style: none; margin: 3px 0 0; padding: 0; display: flex; flex-wrap: wrap; gap: 0 14px; font-size: .8125rem; color: var(--quiet); }
        .legend li { display: flex; align-items: center; gap: 6px; }
        .legend svg { width: 24px; height: 8px; }
        svg text { font-size: 11.5px; fill: var(--quiet); }
        svg text.group { fill: var(--ink); font-weight: 600; }
        svg text.value { fill: var(--ink); }
        .ytick, .end { text-anchor: end; }
        .xtick { text-anchor: middle; }
        .tick { stroke: var(--hair); }
        .axis, .zero { stroke: var(--quiet); }
        .mark { stroke: var(--hair); stroke-dasharray: 1 3; }
        .rule { stroke: var(--c, var(--quiet)); stroke-dasharray: 4 3; fill: none; }
        svg text.rule-label { fill: var(--ink); paint-order: stroke; stroke: var(--ground); stroke-width: 4px; stroke-linejoin: round; }
        .hover { fill: transparent; }
        .line { fill: none; stroke: var(--c); stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
        circle { fill: var(--c); }
        .faint .line { stroke-width: 1; opacity: .28; stroke-dasharray: none; }
        .faint circle { opacity: .28; }
        .s0 { --c: var(--s0); } .s1 { --c: var(--s1); } .s2 { --c: var(--s2); }
        .s3 { --c: var(--s3); } .s4 { --c: var(--s4); } .s5 { --c: var(--s5); }
        .s1:not(.faint) .line { stroke-dasharray: 7 3.5; } .s2:not(.faint) .line { stroke-dasharray: 1.5 3.5; }
        .s3:not(.faint) .line { stroke-dasharray: 8 3 1.5 3; }
        .s4:not(.faint) .line { stroke-dasharray: 12 4; } .s5:not(.faint) .line { stroke-dasharray: 4 4; }
        .contrast { --c: var(--ink); }
        .interval { stroke: var(--c); stroke-width: 1.75; fill: none; }
        circle.hollow { fill: var(--ground); stroke: var(--c); stroke-width: 1.75; }
        .band { fill: var(--c); } .outer { opacity: .16; } .inner { opacity: .26; }
        .flip-positive { --c: var(--s0); opacity: .62; } .flip-zero { --c: var(--quiet); opacity: .28; } .flip-negative { --c: var(--s1); opacity: .62; }
        .scroll { overflow-x: auto; }
        table { border-collapse: collapse; font-size: .9375rem; margin: 8px 0 16px; }
        caption { text-align: left; color: var(--quiet); font-size: .875rem; padding-bottom: 8px; max-width: 60em; }
        caption h3 { color: var(--ink); }
        th, td { text-align: left; font-weight: 400; padding: 5px 20px 5px 0; border-bottom: 1px solid var(--hair); vertical-align: top; }
        thead th { color: var(--quiet); font-size: .875rem; white-space: nowrap; }
        tr.group th { font-weight: 600; padding-top: 14px; }
        .scores { width: 100%; } .scores td > * { white-space: nowrap; } .scores em { color: var(--quiet); }
          .scores thead th { white-space: normal; vertical-align: bottom; } .scores th:last-child, .scores td:last-child { padding-right: 0; }
        .facts { display: grid; gap: 24px 56px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 340px), 1fr)); align-items: start; }
        .facts table { width: 100%; } .facts tbody th { color: var(--quiet); } .facts thead th { white-space: normal; vertical-align: bottom; }
          .facts td { overflow-wrap: break-word; } .differs td { font-weight: 600; }
          .facts.several { grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr)); }
        details { margin-bottom: 8px; } summary { cursor: pointer; }
        code { font: .875em ui-monospace, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
        footer { margin-top: 48px; }
        @media (max-width: 480px) { main { padding: 24px 16px 48px; } th, td { padding-right: 10px; } .scores, .scores thead th { font-size: .8125rem; } }
        @media print { .charts, .grid { break-inside: auto; } figure { break-inside: avoid; } }
        """
}
