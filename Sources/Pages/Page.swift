/// The HTML document around a report's body.
package struct Page {
    var title: String
    var body: HTML

    package init(title: String, body: HTML) {
        self.title = title
        self.body = body
    }

    package var html: HTML {
        // The policy lets a browser run no script and load nothing, even if some outside text should slip through as markup.
        """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>\(title)</title>
        <style>
        \(Self.style)
        </style>
        </head>
        <body>
        <main>
        \(body)
        </main>
        </body>
        </html>

        """
    }
}
