//! Scores: confusion counts to accuracy figures.
